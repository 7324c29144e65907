#include "auth/testing/database_fixture.hpp"

#include <chrono>

namespace kernel::auth {
namespace {

class SessionsTest : public testing::OnEachDatabase {
 protected:
  std::int64_t last_seen() { return number("SELECT last_seen_at FROM sessions"); }
};
KERNEL_AUTH_ON_EACH_DATABASE(SessionsTest);

TEST_P(SessionsTest, they_are_listed_to_their_user_newest_first) {
  const User ann = make_user("ann@example.org");
  make_user("bob@example.org");
  login("ann@example.org");
  login("bob@example.org");
  const auto who = signed_in(login("ann@example.org").access_token);
  const auto rows = auth_->sessions.list({.user_id = ann.id.str()});
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows.front().id.text(), who->session_id);
  EXPECT_EQ(rows.front().ip, "10.0.0.1");
  EXPECT_EQ(rows.front().user_agent, "a browser");
  EXPECT_EQ(auth_->sessions.list({.user_id = ann.id.str(), .before = rows.front().id.str()}).size(), 1u);
  EXPECT_EQ(auth_->sessions.list({}).size(), 3u);
  EXPECT_EQ(auth_->sessions.list({.limit = 1, .offset = 2}).size(), 1u);
  EXPECT_EQ(auth_->sessions.count(""), 3);
  auth_->sign_in.logout(*who);
  EXPECT_EQ(auth_->sessions.list({.user_id = ann.id.str()}).size(), 1u);
  EXPECT_EQ(auth_->sessions.count(ann.id.text()), 1);
}

TEST_P(SessionsTest, a_hostile_user_agent_does_no_harm) {
  make_user("ann@example.org");
  origin_.user_agent = std::string("\0\xff\xfe<script>", 11) + std::string(10'000, 'a');
  EXPECT_NO_THROW(login("ann@example.org"));
}

TEST_P(SessionsTest, use_is_stored_in_batches_and_not_by_requests) {
  make_user("ann@example.org");
  const auto who = signed_in(login("ann@example.org").access_token);
  const std::int64_t before = last_seen();
  const auto live = auth_->sessions.find(who->session_id);
  const atrium::Time soon{before + 1'000'000}, later{before + 120'000'000};
  auth_->sessions.seen(*live, soon);
  auth_->sessions.store_seen();
  EXPECT_EQ(last_seen(), before);
  auth_->sessions.seen(*live, later);
  EXPECT_EQ(last_seen(), before);
  auth_->sessions.store_seen();
  EXPECT_EQ(last_seen(), later.microseconds);
}

TEST_P(SessionsTest, an_expired_session_is_none) {
  make_user("ann@example.org");
  const TokenPair pair = login("ann@example.org");
  const auto who = signed_in(pair.access_token);
  const atrium::Time after = atrium::Time::now() + std::chrono::hours(24 * 31);
  EXPECT_NE(auth_->sessions.find_in_memory(who->session_id), nullptr);
  EXPECT_EQ(auth_->sessions.find_in_memory(who->session_id, after), nullptr);
  database_->transact({}, [](storage::Transaction& transaction) {
    transaction.exec("kernel", "UPDATE sessions SET expires_at = 1", {});
    return ATRIUM_OK;
  });
  auth_ = make_auth();
  EXPECT_EQ(signed_in(pair.access_token), nullptr);
}

TEST_P(SessionsTest, what_ended_long_ago_is_swept_and_nothing_else) {
  make_user("ann@example.org");
  const auto ended = signed_in(login("ann@example.org").access_token);
  const TokenPair alive = login("ann@example.org");
  auth_->sign_in.logout(*ended);
  EXPECT_EQ(auth_->sessions.sweep(std::chrono::hours(1)), 0);
  database_->transact({}, [](storage::Transaction& transaction) {
    transaction.exec("kernel", "UPDATE sessions SET ended_at = 1 WHERE ended_at IS NOT NULL", {});
    return ATRIUM_OK;
  });
  EXPECT_EQ(auth_->sessions.sweep(std::chrono::hours(1)), 1);
  EXPECT_NE(signed_in(alive.access_token), nullptr);
  EXPECT_NO_THROW(auth_->sign_in.refresh(alive.refresh_token, Origin{}));
}

TEST_P(SessionsTest, the_old_tokens_of_a_long_session_are_swept) {
  make_user("ann@example.org");
  const TokenPair first = login("ann@example.org");
  const TokenPair second = auth_->sign_in.refresh(first.refresh_token, Origin{});
  database_->transact({}, [](storage::Transaction& transaction) {
    transaction.exec("kernel", "UPDATE refresh_tokens SET expires_at = 1 WHERE used_at IS NOT NULL", {});
    return ATRIUM_OK;
  });
  auth_->sessions.sweep(std::chrono::hours(1));
  EXPECT_EQ(number("SELECT count(*) FROM refresh_tokens"), 1);
  EXPECT_NO_THROW(auth_->sign_in.refresh(second.refresh_token, Origin{}));
}

}  // namespace
}  // namespace kernel::auth
