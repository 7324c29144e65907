#include "auth/mfa.hpp"

#include "auth/encoding.hpp"
#include "auth/sql.hpp"
#include "auth/testing/database_fixture.hpp"
#include "auth/totp.hpp"

#include <algorithm>
#include <atomic>
#include <barrier>
#include <cctype>
#include <chrono>
#include <set>
#include <thread>
#include <vector>

namespace kernel::auth {
namespace {

constexpr const char* email = "ann@example.org";

class MfaTest : public testing::OnEachDatabase {
 protected:
  MfaTest() : ann_(make_user(email)) {}

  /// What the app would show: `ahead` steps from now.
  std::string code(std::int64_t ahead = 0) {
    std::string sealed;
    query(
        *database_, "SELECT mfa_secret FROM users WHERE id = ?",
        [&](storage::Row row) {
          sealed = text_at(row, 0);
          return false;
        },
        ann_.id.text());
    const auto secret = SealedBox(keys_.mfa).open(sealed, ann_.id.text());
    return totp::code(secret.value(), totp::step_at(atrium::Time::now()) + ahead);
  }
  std::vector<std::string> turn_on() {
    auth_->mfa.offer({}, ann_);
    spent_ = code();
    return auth_->mfa.activate({}, ann_.id.str(), spent_, "");
  }
  /// The problem's type; "": a session was opened.
  std::string login_fault(const std::string& mfa_code, const std::string& password = good_password) {
    try {
      login(email, password, mfa_code);
      return "";
    } catch (const atrium::Problem& problem) {
      return problem.type;
    }
  }
  bool spend(Auth& auth, const std::string& mfa_code) {
    return in_transaction(*database_, {}, [&](storage::Transaction& transaction) {
      return auth.mfa.spend(transaction, ann_.id.str(), mfa_code);
    });
  }
  /// How many of ten at once, on two nodes, do it.
  template <class F>
  int successes_of_ten(F work) {
    const auto other = make_auth();
    std::barrier together(10);
    std::atomic<int> successes = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 10; ++i)
      threads.emplace_back([&, i] {
        together.arrive_and_wait();
        if (work(i % 2 == 0 ? *auth_ : *other)) ++successes;
      });
    for (auto& thread : threads) thread.join();
    return successes;
  }

  const User ann_;
  std::string spent_;  ///< the code that turned MFA on
};
KERNEL_AUTH_ON_EACH_DATABASE(MfaTest);

TEST_P(MfaTest, an_offer_changes_nothing_until_a_code_of_it_is_seen) {
  const auto first = auth_->mfa.offer({}, ann_);
  EXPECT_EQ(first.secret.size(), 32u);
  EXPECT_NE(first.otpauth_uri.find("secret=" + first.secret), std::string::npos);
  EXPECT_EQ(login_fault(""), "");
  const std::string of_first = code();
  EXPECT_NE(auth_->mfa.offer({}, ann_).secret, first.secret);
  if (of_first != code()) EXPECT_EQ(status_of([&] { auth_->mfa.activate({}, ann_.id.str(), of_first, ""); }), 422);
  EXPECT_FALSE(auth_->users.get(ann_.id.text()).mfa_enabled);
  EXPECT_EQ(auth_->mfa.activate({}, ann_.id.str(), code(), "").size(), 10u);
  EXPECT_TRUE(auth_->users.get(ann_.id.text()).mfa_enabled);
  EXPECT_EQ(auth_->users.get(ann_.id.text()).revision, ann_.revision + 1);
}

TEST_P(MfaTest, faults_of_setting_up) {
  EXPECT_EQ(status_of([&] { auth_->mfa.activate({}, ann_.id.str(), "123456", ""); }), 409);
  turn_on();
  EXPECT_EQ(status_of([&] { auth_->mfa.offer({}, ann_); }), 409);
  EXPECT_EQ(status_of([&] { auth_->mfa.activate({}, ann_.id.str(), code(1), ""); }), 409);
  EXPECT_EQ(status_of([&] { auth_->mfa.activate({}, atrium::Id::make().str(), "123456", ""); }), 404);
}

TEST_P(MfaTest, of_ten_that_verify_at_once_one_gets_the_recovery_codes) {
  auth_->mfa.offer({}, ann_);
  const std::string shown = code();
  EXPECT_EQ(successes_of_ten(
                [&](Auth& auth) { return status_of([&] { auth.mfa.activate({}, ann_.id.str(), shown, ""); }) == 0; }),
            1);
  EXPECT_EQ(number("SELECT count(*) FROM mfa_recovery_codes"), 10);
}

TEST_P(MfaTest, a_login_needs_a_code_and_each_code_works_once) {
  turn_on();
  EXPECT_EQ(login_fault(""), "/problems/mfa-required");
  EXPECT_EQ(login_fault("", "wrong horse battery"), "/problems/invalid-credentials");
  EXPECT_EQ(login_fault(code(1), "wrong horse battery"), "/problems/invalid-credentials");
  EXPECT_EQ(login_fault(spent_), "/problems/invalid-credentials") << "it has turned MFA on already";
  const std::string next = code(1);
  EXPECT_EQ(login_fault(next.substr(0, 3) + " " + next.substr(3)), "");
  EXPECT_EQ(login_fault(next), "/problems/invalid-credentials");
  EXPECT_EQ(login_fault("what"), "/problems/invalid-credentials");
}

TEST_P(MfaTest, of_ten_parallel_logins_with_one_code_one_signs_in) {
  turn_on();
  const std::string shown = code(1);
  EXPECT_EQ(successes_of_ten([&](Auth& auth) {
              return status_of([&] { auth.sign_in.login(email, good_password, shown, origin_); }) == 0;
            }),
            1);
  EXPECT_EQ(number("SELECT count(*) FROM sessions WHERE ended_at IS NULL"), 1);
}

TEST_P(MfaTest, a_recovery_code_works_once_however_it_is_typed) {
  const auto codes = turn_on();
  ASSERT_EQ(std::set<std::string>(codes.begin(), codes.end()).size(), 10u);
  EXPECT_EQ(login_fault(codes[0]), "");
  EXPECT_EQ(login_fault(codes[0]), "/problems/invalid-credentials");
  std::string typed = codes[1];
  std::erase(typed, '-');
  std::transform(typed.begin(), typed.end(), typed.begin(), [](unsigned char c) { return std::toupper(c); });
  EXPECT_EQ(login_fault(" " + typed), "");
  EXPECT_EQ(successes_of_ten([&](Auth& auth) { return spend(auth, codes[2]); }), 1);
  EXPECT_EQ(number("SELECT count(*) FROM events WHERE topic = 'user.mfa_recovery_code_used'"), 3);
}

TEST_P(MfaTest, a_code_is_not_lost_on_a_change_that_is_not_made) {
  turn_on();
  const std::string shown = code(1);
  EXPECT_EQ(status_of([&] {
              in_transaction(*database_, {}, [&](storage::Transaction& transaction) {
                EXPECT_TRUE(auth_->mfa.spend(transaction, ann_.id.str(), shown));
                throw atrium::conflict("something else");
              });
            }),
            409);
  EXPECT_TRUE(spend(*auth_, shown));
}

TEST_P(MfaTest, neither_the_secret_nor_a_code_can_be_read_from_the_database) {
  const auto offer = auth_->mfa.offer({}, ann_);
  const auto codes = auth_->mfa.activate({}, ann_.id.str(), code(), "");
  login(email, good_password, codes[0]);
  std::string all;
  for (const char* sql : {"SELECT mfa_secret FROM users", "SELECT hash FROM mfa_recovery_codes",
                          "SELECT data FROM events", "SELECT action FROM audit"})
    query(*database_, sql, [&](storage::Row row) {
      all += text_at(row, 0) + '\n';
      return true;
    });
  EXPECT_EQ(all.find(offer.secret), std::string::npos);
  for (std::string plain : codes) {
    EXPECT_EQ(all.find(plain), std::string::npos);
    std::erase(plain, '-');
    EXPECT_EQ(all.find(plain), std::string::npos);
    EXPECT_EQ(all.find(sha256_hex(plain)), std::string::npos) << "a hash without a key could be guessed at";
  }
}

TEST_P(MfaTest, one_account_s_secret_does_not_open_another) {
  const User bob = make_user("bob@example.org");
  auth_->mfa.offer({}, ann_);
  const std::string shown = code();
  in_transaction(*database_, {}, [&](storage::Transaction& transaction) {
    exec(transaction, "UPDATE users SET mfa_secret = (SELECT mfa_secret FROM users WHERE id = ?) WHERE id = ?",
         ann_.id.text(), bob.id.text());
  });
  EXPECT_EQ(status_of([&] { auth_->mfa.activate({}, bob.id.str(), shown, ""); }), 422);
}

TEST_P(MfaTest, turning_it_on_or_off_ends_the_other_sessions) {
  const auto here = signed_in(login(email).access_token);
  const auto there = signed_in(login(email).access_token);
  auth_->mfa.offer({}, ann_);
  const auto codes = auth_->mfa.activate({}, ann_.id.str(), code(), here->session_id);
  EXPECT_TRUE(auth_->authenticator.still_valid(*here));
  EXPECT_FALSE(auth_->authenticator.still_valid(*there));

  const auto later = signed_in(login(email, good_password, codes[0]).access_token);
  auth_->sign_in.confirm_both(*here, good_password, codes[1], [&](storage::Transaction& transaction) {
    EXPECT_TRUE(auth_->mfa.turn_off(transaction, here->id, here->session_id));
  });
  EXPECT_TRUE(auth_->authenticator.still_valid(*here));
  EXPECT_FALSE(auth_->authenticator.still_valid(*later));
  EXPECT_EQ(login_fault(""), "");
  EXPECT_EQ(number("SELECT count(*) FROM mfa_recovery_codes"), 0);
}

TEST_P(MfaTest, both_factors_are_needed_to_change_them) {
  const auto codes = turn_on();
  const auto who = signed_in(login(email, good_password, codes[0]).access_token);
  const auto change = [](storage::Transaction&) { ADD_FAILURE() << "changed without both"; };
  EXPECT_EQ(status_of([&] { auth_->sign_in.confirm_both(*who, "wrong horse battery", codes[1], change); }), 401);
  EXPECT_EQ(status_of([&] { auth_->sign_in.confirm_both(*who, good_password, codes[0], change); }), 401);
  EXPECT_EQ(status_of([&] { auth_->sign_in.confirm_both(*who, good_password, "000000", change); }), 401);
  std::vector<std::string> renewed;
  auth_->sign_in.confirm_both(*who, good_password, codes[1], [&](storage::Transaction& transaction) {
    renewed = auth_->mfa.renew_recovery_codes(transaction, who->id);
  });
  EXPECT_EQ(login_fault(codes[2]), "/problems/invalid-credentials");
  EXPECT_EQ(login_fault(renewed.at(0)), "");
}

TEST_P(MfaTest, whoever_knows_the_password_cannot_guess_at_codes_for_long) {
  const auto codes = turn_on();
  set_setting("max_failed_logins", "3");
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(login_fault("not a code"), "/problems/invalid-credentials");
    if (i < 2) EXPECT_EQ(login_fault(""), "/problems/mfa-required") << "must not clear the count, nor add to it";
  }
  EXPECT_EQ(login_fault(codes[0]), "/problems/too-many-attempts");
  EXPECT_EQ(login_fault(""), "/problems/too-many-attempts");
}

TEST_P(MfaTest, where_it_is_required_a_session_without_it_is_told_so_until_it_is_on) {
  const auto pair = login(email);
  const auto before = signed_in(pair.access_token);
  EXPECT_FALSE(before->must_set_up_mfa);
  set_setting("mfa_required", "true");
  EXPECT_TRUE(signed_in(pair.access_token)->must_set_up_mfa);
  EXPECT_FALSE(auth_->authenticator.still_valid(*before)) << "an open event stream has to end";
  auth_->mfa.offer({}, ann_);
  auth_->mfa.activate({}, ann_.id.str(), code(), before->session_id);
  EXPECT_FALSE(signed_in(pair.access_token)->must_set_up_mfa);
  EXPECT_TRUE(auth_->authenticator.still_valid(*before));
}

TEST_P(MfaTest, another_node_hears_that_it_is_on) {
  set_setting("mfa_required", "true");
  const auto pair = login(email);
  const auto other = make_auth();
  jobs::Jobs jobs({});
  events::Log log(*database_, jobs, {});
  log.start();
  other->start(log, jobs);
  const auto on_other = [&] { return std::get<PrincipalPtr>(authenticate(*other, pair.access_token)); };
  const auto who = on_other();
  EXPECT_TRUE(who->must_set_up_mfa);
  auth_->mfa.offer({}, ann_);
  auth_->mfa.activate({}, ann_.id.str(), code(), who->session_id);
  const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (on_other()->must_set_up_mfa && std::chrono::steady_clock::now() < patience) std::this_thread::yield();
  EXPECT_FALSE(on_other()->must_set_up_mfa);
  other->stop();
  log.stop();
  jobs.stop();
}

TEST_P(MfaTest, an_admin_takes_it_off_whoever_lost_the_phone) {
  const auto codes = turn_on();
  const auto pair = login(email, good_password, codes[0]);
  auth_->mfa.remove({"user", "an admin", "", ""}, ann_.id.str());
  EXPECT_EQ(signed_in(pair.access_token), nullptr);
  EXPECT_EQ(login_fault(""), "");
  EXPECT_EQ(status_of([&] { auth_->mfa.remove({}, ann_.id.str()); }), 404);
  EXPECT_EQ(number("SELECT count(*) FROM audit WHERE action = 'user.mfa_disabled' AND actor_id = 'an admin'"), 1);
}

TEST_P(MfaTest, a_removed_account_keeps_no_secret) {
  turn_on();
  auth_->users.remove({}, ann_.id.str());
  EXPECT_EQ(number("SELECT count(*) FROM users WHERE mfa_secret IS NOT NULL"), 0);
}

}  // namespace
}  // namespace kernel::auth
