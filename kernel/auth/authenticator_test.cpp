#include "auth/testing/database_fixture.hpp"

#include "auth/opaque_token.hpp"

#include <chrono>
#include <future>
#include <variant>
#include <vector>

namespace kernel::auth {
namespace {

class AuthenticatorTest : public testing::OnEachDatabase {
 protected:
  Outcome with_headers(const std::vector<std::pair<std::string, std::string>>& headers, const std::string& query = {}) {
    http::RequestHead head;
    head.query = query;
    head.target = "/api/v1/auth/me?" + query;
    for (const auto& [name, value] : headers) head.headers.add(name, value);
    return auth_->authenticator.authenticate(head, "10.0.0.1", "request", true);
  }
  static bool is_principal(const Outcome& outcome) { return std::holds_alternative<PrincipalPtr>(outcome); }
  static bool is_rejected(const Outcome& outcome) { return std::holds_alternative<Rejected>(outcome); }
  std::string issue(const std::string& kind, const std::string& id) {
    std::string token;
    database_->transact({}, [&](storage::Transaction& transaction) {
      token = auth_->issued_tokens.issue(transaction, kind, id);
      return ATRIUM_OK;
    });
    return token;
  }
  void revoke(const std::string& kind, const std::string& id) {
    database_->transact({}, [&](storage::Transaction& transaction) {
      auth_->issued_tokens.revoke(transaction, kind, id);
      return ATRIUM_OK;
    });
  }
};
KERNEL_AUTH_ON_EACH_DATABASE(AuthenticatorTest);

TEST_P(AuthenticatorTest, no_credentials_are_no_fault) {
  EXPECT_TRUE(std::holds_alternative<Anonymous>(with_headers({})));
}

TEST_P(AuthenticatorTest, a_token_counts_in_its_headers_only) {
  make_user("ann@example.org");
  const std::string token = login("ann@example.org").access_token;
  EXPECT_TRUE(is_principal(with_headers({{"authorization", "Bearer " + token}})));
  EXPECT_TRUE(is_principal(with_headers({{"authorization", "bearer  " + token}})));
  EXPECT_TRUE(std::holds_alternative<Anonymous>(with_headers({}, "token=" + token + "&access_token=" + token)));
  EXPECT_TRUE(std::holds_alternative<Anonymous>(with_headers({{"cookie", "token=" + token}})));
  EXPECT_TRUE(is_principal(auth_->authenticator.authenticate_token(token, "10.0.0.1")));
}

TEST_P(AuthenticatorTest, what_is_no_credential_is_rejected_with_a_problem_type) {
  for (const char* field : {"", "Bearer", "Bearer ", "Basic YTpi", "Bearer a.b.c", "Bearer atw_short", "Bearer atr_x",
                            "Token abc", "Bearer eyJhbGciOiJub25lIn0.e30."}) {
    const Outcome outcome = with_headers({{"authorization", field}});
    ASSERT_TRUE(is_rejected(outcome)) << field;
    EXPECT_EQ(std::get<Rejected>(outcome).type.find("/problems/"), 0u);
  }
  EXPECT_TRUE(is_rejected(with_headers({{"authorization", "Bearer " + std::string(1'000'000, 'a')}})));
}

TEST_P(AuthenticatorTest, two_credentials_in_one_request_are_rejected) {
  make_user("ann@example.org");
  const std::string field = "Bearer " + login("ann@example.org").access_token;
  EXPECT_TRUE(is_rejected(with_headers({{"authorization", field}, {"authorization", field}})));
  EXPECT_TRUE(is_rejected(with_headers({{"authorization", field}, {"x-api-key", "anything"}})));
}

TEST_P(AuthenticatorTest, an_io_thread_is_never_made_to_wait) {
  make_user("ann@example.org");
  http::RequestHead head;
  head.headers.add("authorization", "Bearer " + login("ann@example.org").access_token);
  const auto on_io_thread = [&] { return auth_->authenticator.authenticate(head, "10.0.0.1", "request", false); };
  const Outcome first = on_io_thread();
  EXPECT_EQ(std::holds_alternative<NeedsLookup>(first), !database_->reads_are_local());
  auth_->authenticator.authenticate(head, "10.0.0.1", "request", true);
  EXPECT_TRUE(is_principal(on_io_thread()));
}

TEST_P(AuthenticatorTest, an_expired_access_token_says_so) {
  const User ann = make_user("ann@example.org");
  const auto who = signed_in(login("ann@example.org").access_token);
  const std::string expired = auth_->access_tokens.issue({ann.id.str(), who->session_id, "member", 1000, 2000});
  const Outcome outcome = authenticate(*auth_, expired);
  ASSERT_TRUE(is_rejected(outcome));
  EXPECT_EQ(std::get<Rejected>(outcome).type, "/problems/token-expired");
}

TEST_P(AuthenticatorTest, a_tokens_session_must_be_its_users) {
  const User ann = make_user("ann@example.org");
  make_user("bob@example.org");
  const auto bob = signed_in(login("bob@example.org").access_token);
  const std::int64_t now = atrium::Time::now().microseconds / 1'000'000;
  EXPECT_TRUE(is_rejected(
      authenticate(*auth_, auth_->access_tokens.issue({ann.id.str(), bob->session_id, "admin", now, now + 900}))));
  EXPECT_TRUE(is_rejected(
      authenticate(*auth_, auth_->access_tokens.issue({ann.id.str(), "no-session", "admin", now, now + 900}))));
}

TEST_P(AuthenticatorTest, an_issued_token_names_its_principal_until_it_is_revoked) {
  const std::string token = issue("worker", "w1"), second = issue("worker", "w1"), other = issue("worker", "w2");
  EXPECT_EQ(token.find("atw_"), 0u);
  const auto who = signed_in(token);
  ASSERT_NE(who, nullptr);
  EXPECT_EQ(who->kind, "worker");
  EXPECT_EQ(who->id, "w1");
  EXPECT_EQ(who->role, "");
  EXPECT_TRUE(auth_->authenticator.still_valid(*who));
  ASSERT_NE(signed_in(other), nullptr);
  revoke("worker", "w1");
  EXPECT_EQ(signed_in(token), nullptr);
  EXPECT_EQ(signed_in(second), nullptr);
  EXPECT_FALSE(auth_->authenticator.still_valid(*who));
  EXPECT_NE(signed_in(other), nullptr);
}

TEST_P(AuthenticatorTest, an_issued_token_counts_only_after_its_commit) {
  std::string token;
  try {
    database_->transact({}, [&](storage::Transaction& transaction) {
      token = auth_->issued_tokens.issue(transaction, "worker", "w1");
      return ATRIUM_E_CANCELLED;
    });
  } catch (const storage::SqlError&) {  // either way it was rolled back
  }
  ASSERT_FALSE(token.empty());
  EXPECT_EQ(signed_in(token), nullptr);
}

TEST_P(AuthenticatorTest, no_token_is_issued_that_would_pass_for_an_account) {
  for (const char* kind : {"user", "plugin", "system", ""}) EXPECT_ANY_THROW(issue(kind, "x")) << kind;
}

TEST_P(AuthenticatorTest, what_ends_on_one_node_ends_on_the_others) {
  jobs::Jobs jobs({.threads = 4});
  events::Log log(*database_, jobs, {});
  const auto node = make_auth();
  node->start(log, jobs);
  log.start();
  make_user("ann@example.org");
  const std::string token = issue("worker", "w1");
  const TokenPair pair = login("ann@example.org");
  ASSERT_TRUE(is_principal(authenticate(*node, pair.access_token)));
  ASSERT_TRUE(is_principal(authenticate(*node, token)));
  std::promise<void> told;
  const auto after = log.live([&, told_once = false](const events::EventPtr& event) mutable {
    if (event->topic == token_revoked_topic && !std::exchange(told_once, true)) told.set_value();
  });
  auth_->sign_in.logout(*signed_in(pair.access_token));
  revoke("worker", "w1");
  ASSERT_EQ(told.get_future().wait_for(std::chrono::seconds(30)), std::future_status::ready);
  node->stop();  // returns when the node has taken in what it was told
  EXPECT_TRUE(is_rejected(authenticate(*node, pair.access_token)));
  EXPECT_TRUE(is_rejected(authenticate(*node, token)));
  log.stop();
  jobs.stop();
}

}  // namespace
}  // namespace kernel::auth
