#include "auth/testing/database_fixture.hpp"

#include <atomic>
#include <barrier>
#include <mutex>
#include <thread>
#include <vector>

namespace kernel::auth {
namespace {

class SignInTest : public testing::OnEachDatabase {
 protected:
  std::string type_of_failure(const std::string& email, const std::string& password) {
    try {
      login(email, password);
      return "";
    } catch (const atrium::Problem& problem) {
      return std::to_string(problem.status) + ' ' + problem.type + ' ' + problem.title + ' ' + problem.detail;
    }
  }
};
KERNEL_AUTH_ON_EACH_DATABASE(SignInTest);

TEST_P(SignInTest, a_login_gives_tokens_that_name_the_user_and_the_role) {
  const User ann = make_user("ann@example.org", Role::viewer);
  const TokenPair pair = login("Ann@Example.ORG");
  EXPECT_EQ(pair.expires_in, 900);
  EXPECT_TRUE(pair.user.last_login_at);
  const auto who = signed_in(pair.access_token);
  ASSERT_NE(who, nullptr);
  EXPECT_EQ(who->kind, "user");
  EXPECT_EQ(who->id, ann.id.text());
  EXPECT_EQ(who->role, "viewer");
  EXPECT_EQ(who->address, "10.0.0.1");
}

TEST_P(SignInTest, a_wrong_password_and_an_unknown_account_get_the_same_answer) {
  make_user("ann@example.org");
  const std::string wrong = type_of_failure("ann@example.org", "wrong horse battery");
  EXPECT_EQ(wrong.find("401 /problems/invalid-credentials"), 0u);
  EXPECT_EQ(type_of_failure("nobody@example.org", "wrong horse battery"), wrong);
  EXPECT_EQ(type_of_failure("not an address", "wrong horse battery"), wrong);
  EXPECT_EQ(type_of_failure(std::string("ann@example.org\0", 16), "wrong horse battery"), wrong);
  EXPECT_EQ(type_of_failure("' OR 1=1 --@x", "wrong horse battery"), wrong);
}

TEST_P(SignInTest, whoever_may_not_sign_in_learns_it_only_with_the_right_password) {
  make_user("waits@example.org", Role::member, UserStatus::pending);
  make_user("out@example.org", Role::member, UserStatus::disabled);
  EXPECT_EQ(type_of_failure("waits@example.org", good_password).find("403 /problems/account-pending"), 0u);
  EXPECT_EQ(type_of_failure("out@example.org", good_password).find("403 /problems/account-disabled"), 0u);
  EXPECT_EQ(type_of_failure("waits@example.org", "wrong horse battery").find("401"), 0u);
}

TEST_P(SignInTest, after_too_many_failures_even_the_right_password_has_to_wait_but_sessions_go_on) {
  make_user("ann@example.org");
  const TokenPair pair = login("ann@example.org");
  set_setting("max_failed_logins", "3");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(status_of([&] { login("ann@example.org", "wrong horse battery"); }), 401);
  try {
    login("ann@example.org");
    FAIL();
  } catch (const atrium::Problem& problem) {
    EXPECT_EQ(problem.status, 429);
    ASSERT_FALSE(problem.headers.empty());
    EXPECT_EQ(problem.headers.front().first, "retry-after");
  }
  EXPECT_NE(signed_in(pair.access_token), nullptr);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(status_of([&] { login("nobody@example.org", "wrong horse battery"); }), 401);
  EXPECT_EQ(status_of([&] { login("nobody@example.org"); }), 429);
}

TEST_P(SignInTest, a_weaker_hash_is_replaced_at_the_next_login) {
  make_user("ann@example.org");
  Passwords::Options stronger;
  stronger.cost = {.passes = 2, .memory_kib = 128, .lanes = 1};
  stronger.fixed = true;
  Auth raised(*database_, *settings_.back(), keys_, data_.path(), stronger);
  raised.sign_in.login("ann@example.org", good_password, "", origin_);
  EXPECT_NE(raised.users.find_by_email("ann@example.org")->password_hash.find("m=128,t=2"), std::string::npos);
  EXPECT_NO_THROW(raised.sign_in.login("ann@example.org", good_password, "", origin_));
}

TEST_P(SignInTest, logout_works_at_once_for_both_tokens) {
  make_user("ann@example.org");
  const TokenPair pair = login("ann@example.org"), other = login("ann@example.org");
  const auto who = signed_in(pair.access_token);
  ASSERT_NE(who, nullptr);
  EXPECT_TRUE(auth_->authenticator.still_valid(*who));
  auth_->sign_in.logout(*who);
  EXPECT_EQ(signed_in(pair.access_token), nullptr);
  EXPECT_FALSE(auth_->authenticator.still_valid(*who));
  EXPECT_EQ(status_of([&] { auth_->sign_in.refresh(pair.refresh_token, origin_); }), 401);
  EXPECT_NE(signed_in(other.access_token), nullptr);
}

TEST_P(SignInTest, a_new_password_ends_every_other_session) {
  make_user("ann@example.org");
  const TokenPair mine = login("ann@example.org"), other = login("ann@example.org");
  const auto who = signed_in(mine.access_token);
  ASSERT_NE(signed_in(other.access_token), nullptr);
  auth_->sign_in.change_password(*who, good_password, "another horse battery");
  EXPECT_NE(signed_in(mine.access_token), nullptr);
  EXPECT_EQ(signed_in(other.access_token), nullptr);
  EXPECT_EQ(status_of([&] { login("ann@example.org"); }), 401);
  EXPECT_NO_THROW(login("ann@example.org", "another horse battery"));
}

TEST_P(SignInTest, a_new_password_needs_the_current_one_and_must_be_good) {
  make_user("ann@example.org");
  const auto who = signed_in(login("ann@example.org").access_token);
  EXPECT_EQ(status_of([&] { auth_->sign_in.change_password(*who, "wrong horse battery", "another horse battery"); }),
            401);
  EXPECT_EQ(status_of([&] { auth_->sign_in.change_password(*who, good_password, "short"); }), 422);
  EXPECT_EQ(status_of([&] { auth_->sign_in.change_password(*who, good_password, good_password); }), 422);
  EXPECT_NO_THROW(login("ann@example.org"));
}

TEST_P(SignInTest, sessions_are_bounded_and_the_oldest_gives_way) {
  make_user("ann@example.org");
  set_setting("max_sessions_per_user", "2");
  const TokenPair first = login("ann@example.org"), second = login("ann@example.org"), third = login("ann@example.org");
  EXPECT_EQ(signed_in(first.access_token), nullptr);
  EXPECT_NE(signed_in(second.access_token), nullptr);
  EXPECT_NE(signed_in(third.access_token), nullptr);
}

TEST_P(SignInTest, a_refresh_rotates) {
  make_user("ann@example.org");
  const TokenPair first = login("ann@example.org");
  const TokenPair second = auth_->sign_in.refresh(first.refresh_token, Origin{});
  EXPECT_NE(second.refresh_token, first.refresh_token);
  EXPECT_NE(signed_in(second.access_token), nullptr);
  EXPECT_EQ(second.user.email, "ann@example.org");
  EXPECT_NO_THROW(auth_->sign_in.refresh(second.refresh_token, Origin{}));
}

TEST_P(SignInTest, a_used_refresh_token_ends_the_whole_family) {
  make_user("ann@example.org");
  const TokenPair first = login("ann@example.org");
  const TokenPair second = auth_->sign_in.refresh(first.refresh_token, Origin{});
  const TokenPair unrelated = login("ann@example.org");
  EXPECT_EQ(status_of([&] { auth_->sign_in.refresh(first.refresh_token, Origin{}); }), 401);
  EXPECT_EQ(signed_in(first.access_token), nullptr);
  EXPECT_EQ(signed_in(second.access_token), nullptr);
  EXPECT_EQ(status_of([&] { auth_->sign_in.refresh(second.refresh_token, Origin{}); }), 401);
  EXPECT_NE(signed_in(unrelated.access_token), nullptr);
}

TEST_P(SignInTest, of_a_hundred_parallel_refreshes_one_wins_and_its_successor_lives) {
  make_user("ann@example.org");
  const TokenPair pair = login("ann@example.org");
  std::atomic<int> refused{0};
  std::mutex mutex;
  std::vector<TokenPair> won;
  {
    std::barrier together(100);
    std::vector<std::jthread> clients;
    for (int i = 0; i < 100; ++i)
      clients.emplace_back([&] {
        const Origin origin;  // arrived before anybody goes on
        together.arrive_and_wait();
        try {
          TokenPair successor = auth_->sign_in.refresh(pair.refresh_token, origin);
          std::lock_guard lock(mutex);
          won.push_back(std::move(successor));
        } catch (const atrium::Problem& problem) {
          refused += problem.status == 401;
        }
      });
  }
  ASSERT_EQ(won.size(), 1u);
  EXPECT_EQ(refused, 99);
  EXPECT_NE(signed_in(won.front().access_token), nullptr);
  EXPECT_NO_THROW(auth_->sign_in.refresh(won.front().refresh_token, Origin{}));
}

TEST_P(SignInTest, refresh_takes_nothing_but_refresh_tokens) {
  make_user("ann@example.org");
  const TokenPair pair = login("ann@example.org");
  for (const std::string& token : {std::string(), pair.access_token, pair.refresh_token + "x",
                                   std::string("' OR 1=1 --"), std::string(100'000, 'a'), std::string(1, '\0')})
    EXPECT_EQ(status_of([&] { auth_->sign_in.refresh(token, origin_); }), 401);
  EXPECT_EQ(signed_in(pair.refresh_token), nullptr);
}

TEST_P(SignInTest, an_expired_refresh_token_is_refused) {
  make_user("ann@example.org");
  const TokenPair pair = login("ann@example.org");
  database_->transact({}, [&](storage::Transaction& transaction) {
    transaction.exec("kernel", "UPDATE refresh_tokens SET expires_at = 1", {});
    return ATRIUM_OK;
  });
  EXPECT_EQ(status_of([&] { auth_->sign_in.refresh(pair.refresh_token, Origin{}); }), 401);
}

TEST_P(SignInTest, no_secret_is_stored) {
  make_user("ann@example.org");
  const TokenPair pair = login("ann@example.org");
  std::string everything;
  for (const char* sql :
       {"SELECT hash FROM refresh_tokens", "SELECT password_hash FROM users", "SELECT data FROM events"})
    database_->read("kernel", sql, {}, [&](storage::Row row) {
      everything += row[0].value_or("");
      return true;
    });
  EXPECT_EQ(everything.find(pair.refresh_token), std::string::npos);
  EXPECT_EQ(everything.find(pair.access_token), std::string::npos);
  EXPECT_EQ(everything.find(good_password), std::string::npos);
  EXPECT_EQ(everything.find("\"password_hash\""), std::string::npos);
}

TEST_P(SignInTest, every_change_has_its_audit_row) {
  make_user("ann@example.org");
  const TokenPair pair = login("ann@example.org");
  auth_->sign_in.logout(*signed_in(pair.access_token));
  for (const char* action : {"user.created", "session.started", "session.ended"})
    EXPECT_EQ(number("SELECT count(*) FROM audit WHERE action = '" + std::string(action) + "'"), 1) << action;
  EXPECT_EQ(number("SELECT count(*) FROM audit WHERE action = 'session.ended' AND actor_kind = 'user' AND "
                   "address = '10.0.0.1'"),
            1);
}

}  // namespace
}  // namespace kernel::auth
