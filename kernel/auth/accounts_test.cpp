#include "auth/accounts.hpp"

#include "auth/testing/database_fixture.hpp"
#include "auth/testing/fake_host.hpp"

#include <map>

namespace kernel::auth {
namespace {

using testing::FakeHost;
using testing::FakeRequest;

class AccountsTest : public testing::OnEachDatabase {
 protected:
  AccountsTest()
      : accounts_(
            *auth_,
            [this](const atrium::Request& request) {
              return Caller{FakeHost::of(request.raw()).who, {"10.0.0.1", "a browser", "request"}};
            },
            [](std::string_view scope) { return scope == "tasks:read"; }) {
    accounts_.attach(&host_);
    accounts_.run_start();
  }
  FakeRequest call(const std::string& route, const atrium::Json& body, PrincipalPtr who = nullptr,
                   FakeRequest request = {}) {
    request.body = body.is_null() ? "" : body.dump();
    request.who = std::move(who);
    return host_.call(route, request);
  }
  PrincipalPtr make_and_sign_in(const std::string& email, Role role) {
    make_user(email, role);
    return signed_in(login(email).access_token);
  }
  static FakeRequest with_id(const std::string& id) {
    FakeRequest request;
    request.path["id"] = id;
    return request;
  }

  FakeHost host_;
  Accounts accounts_;
};
KERNEL_AUTH_ON_EACH_DATABASE(AccountsTest);

TEST_P(AccountsTest, every_route_says_who_may_call_it) {
  const std::map<std::string, std::string> expected{{"POST /auth/register", "none"},
                                                    {"POST /auth/login", "none"},
                                                    {"POST /auth/refresh", "none"},
                                                    {"POST /auth/logout", "own account"},
                                                    {"GET /auth/me", "own profile"},
                                                    {"PUT /auth/me", "own account"},
                                                    {"POST /auth/change-password", "own account"},
                                                    {"POST /auth/mfa/setup", "own account"},
                                                    {"POST /auth/mfa/verify", "own account"},
                                                    {"POST /auth/mfa/recovery-codes", "own account"},
                                                    {"POST /auth/mfa/disable", "own account"},
                                                    {"DELETE /admin/users/{id}/mfa", "admin"},
                                                    {"GET /security/api-keys", "user"},
                                                    {"POST /security/api-keys", "session"},
                                                    {"GET /security/api-keys/{id}", "user"},
                                                    {"DELETE /security/api-keys/{id}", "user"},
                                                    {"GET /admin/users", "admin"},
                                                    {"POST /admin/users", "admin"},
                                                    {"GET /admin/users/{id}", "admin"},
                                                    {"PATCH /admin/users/{id}", "admin"},
                                                    {"DELETE /admin/users/{id}", "admin"},
                                                    {"GET /security/sessions", "admin"},
                                                    {"DELETE /security/sessions/{id}", "admin"}};
  const std::map<std::string, atrium::Json> lists{{"own account", {"user", without_mfa, session_only}},
                                                  {"own profile", {"user", without_mfa}},
                                                  {"session", {"user", session_only}}};
  EXPECT_EQ(host_.routes.size(), expected.size());
  for (const auto& [route, access] : expected)
    EXPECT_EQ(host_.routes.at(route).declaration["access"],
              lists.contains(access) ? lists.at(access) : atrium::Json::array({access}))
        << route << ": one's own account stays open to whoever has yet to set up MFA, and closed to API keys";
}

TEST_P(AccountsTest, a_viewer_may_change_its_own_account_and_answers_with_secrets_are_not_kept) {
  for (const char* route : {"PUT /auth/me", "POST /auth/change-password", "POST /auth/logout", "POST /auth/mfa/setup",
                            "POST /auth/mfa/verify", "POST /auth/mfa/recovery-codes", "POST /auth/mfa/disable"})
    EXPECT_EQ(host_.routes.at(route).declaration.value("viewer", false), true) << route;
  for (const char* route : {"POST /auth/register", "POST /auth/login", "POST /auth/refresh", "POST /auth/mfa/setup",
                            "POST /auth/mfa/verify", "POST /auth/mfa/recovery-codes"})
    EXPECT_EQ(host_.routes.at(route).declaration.value("idempotency", true), false) << route;
}

TEST_P(AccountsTest, the_way_of_a_first_admin) {
  auth_->registration.prepare();
  const atrium::Json account{{"email", "Ann@example.org"}, {"password", good_password}, {"full_name", "Ann"}};
  EXPECT_EQ(call("POST /auth/register", account).status, 403);
  atrium::Json with_token = account;
  with_token["setup_token"] = setup_token_in_file();
  const auto made = call("POST /auth/register", with_token);
  ASSERT_EQ(made.status, 201) << made.answer;
  EXPECT_EQ(made.json()["role"], "admin");
  EXPECT_EQ(made.json()["email"], "ann@example.org");
  EXPECT_EQ(made.answer.find("password"), std::string::npos);
  EXPECT_EQ(made.answer_headers.at("location"), "/api/v1/admin/users/" + made.json()["id"].get<std::string>());

  const auto in = call("POST /auth/login", {{"email", "ann@example.org"}, {"password", good_password}});
  ASSERT_EQ(in.status, 200) << in.answer;
  EXPECT_EQ(in.json()["token_type"], "bearer");
  EXPECT_EQ(in.json()["expires_in"], 900);
  EXPECT_EQ(in.json()["user"]["email"], "ann@example.org");
  EXPECT_EQ(in.answer_headers.at("cache-control"), "no-store");

  const auto again = call("POST /auth/refresh", {{"refresh_token", in.json()["refresh_token"]}});
  ASSERT_EQ(again.status, 200) << again.answer;
  const auto who = signed_in(again.json()["access_token"].get<std::string>());
  ASSERT_NE(who, nullptr);
  EXPECT_EQ(call("GET /auth/me", nullptr, who).json()["full_name"], "Ann");
  EXPECT_EQ(call("POST /auth/logout", nullptr, who).status, 204);
  EXPECT_EQ(signed_in(again.json()["access_token"].get<std::string>()), nullptr);
}

TEST_P(AccountsTest, failures_are_problems_with_their_headers) {
  make_user("ann@example.org");
  const auto wrong = call("POST /auth/login", {{"email", "ann@example.org"}, {"password", "wrong horse battery"}});
  EXPECT_EQ(wrong.status, 401);
  EXPECT_EQ(wrong.json()["type"], "/problems/invalid-credentials");
  EXPECT_TRUE(wrong.answer_headers.contains("www-authenticate"));
  set_setting("max_failed_logins", "1");
  const auto held = call("POST /auth/login", {{"email", "ann@example.org"}, {"password", good_password}});
  EXPECT_EQ(held.status, 429);
  EXPECT_TRUE(held.answer_headers.contains("retry-after"));
}

TEST_P(AccountsTest, all_faults_of_a_registration_come_in_one_answer) {
  const auto bad = call("POST /auth/register",
                        {{"email", "no address"}, {"password", std::string("short\0", 6)}, {"role", "admin"}});
  ASSERT_EQ(bad.status, 422) << bad.answer;
  std::map<std::string, int> faults;
  const atrium::Json problem = bad.json();
  for (const auto& fault : problem["errors"]) ++faults[fault["pointer"].get<std::string>()];
  EXPECT_EQ(faults, (std::map<std::string, int>{{"/email", 1}, {"/password", 1}, {"/full_name", 1}, {"/role", 1}}));
  FakeRequest request;
  request.body = "{";
  EXPECT_EQ(host_.call("POST /auth/register", request).status, 400);
}

TEST_P(AccountsTest, what_get_gave_can_be_put) {
  const auto who = make_and_sign_in("ann@example.org", Role::viewer);
  auto me = call("GET /auth/me", nullptr, who).json();
  me["full_name"] = "Ann";
  const auto changed = call("PUT /auth/me", me, who);
  ASSERT_EQ(changed.status, 200) << changed.answer;
  EXPECT_EQ(changed.json()["full_name"], "Ann");
  EXPECT_EQ(changed.json()["role"], "viewer");
  me["role"] = "admin";
  EXPECT_EQ(call("PUT /auth/me", me, who).json()["role"], "viewer");
}

TEST_P(AccountsTest, a_new_address_needs_the_password) {
  const auto who = make_and_sign_in("ann@example.org", Role::member);
  EXPECT_EQ(call("PUT /auth/me", {{"email", "new@example.org"}}, who).status, 422);
  EXPECT_EQ(
      call("PUT /auth/me", {{"email", "new@example.org"}, {"current_password", "wrong horse battery"}}, who).status,
      401);
  EXPECT_EQ(
      call("PUT /auth/me", {{"email", "new@example.org"}, {"current_password", good_password}}, who).json()["email"],
      "new@example.org");
}

TEST_P(AccountsTest, if_match_guards_a_profile) {
  const auto who = make_and_sign_in("ann@example.org", Role::member);
  FakeRequest stale;
  stale.headers["if-match"] = "\"99\"";
  EXPECT_EQ(call("PUT /auth/me", {{"full_name", "Ann"}}, who, stale).status, 412);
  FakeRequest fresh;
  fresh.headers["if-match"] = call("GET /auth/me", nullptr, who).answer_headers.at("etag");
  EXPECT_EQ(call("PUT /auth/me", {{"full_name", "Ann"}}, who, fresh).status, 200);
}

TEST_P(AccountsTest, an_admin_makes_changes_and_removes_accounts) {
  const auto admin = make_and_sign_in("admin@example.org", Role::admin);
  const auto made = call(
      "POST /admin/users",
      {{"email", "bob@example.org"}, {"password", good_password}, {"full_name", "Bob"}, {"role", "viewer"}}, admin);
  ASSERT_EQ(made.status, 201) << made.answer;
  const std::string id = made.json()["id"];
  EXPECT_EQ(call("GET /admin/users/{id}", nullptr, admin, with_id(id)).json()["role"], "viewer");
  EXPECT_EQ(call("PATCH /admin/users/{id}", {{"role", "member"}}, admin, with_id(id)).json()["role"], "member");
  EXPECT_EQ(call("PATCH /admin/users/{id}", {{"role", "king"}}, admin, with_id(id)).status, 422);
  EXPECT_EQ(call("DELETE /admin/users/{id}", nullptr, admin, with_id(id)).status, 204);
  EXPECT_EQ(call("DELETE /admin/users/{id}", nullptr, admin, with_id(id)).status, 404);
  EXPECT_EQ(call("GET /admin/users/{id}", nullptr, admin, with_id("../../etc/passwd")).status, 404);
  EXPECT_EQ(call("PATCH /admin/users/{id}", {{"role", "member"}}, admin, with_id(admin->id)).status, 409);
  EXPECT_EQ(call("DELETE /admin/users/{id}", nullptr, admin, with_id(admin->id)).status, 409);
}

TEST_P(AccountsTest, an_approved_account_may_sign_in) {
  const auto admin = make_and_sign_in("admin@example.org", Role::admin);
  const atrium::Json credentials{{"email", "bob@example.org"}, {"password", good_password}};
  atrium::Json account = credentials;
  account["full_name"] = "Bob";
  const auto waiting = call("POST /auth/register", account);
  ASSERT_EQ(waiting.json()["status"], "pending") << waiting.answer;
  EXPECT_EQ(call("POST /auth/login", credentials).json()["type"], "/problems/account-pending");
  const std::string id = waiting.json()["id"];
  EXPECT_EQ(call("PATCH /admin/users/{id}", {{"status", "active"}}, admin, with_id(id)).status, 200);
  EXPECT_EQ(call("POST /auth/login", credentials).status, 200);
}

TEST_P(AccountsTest, sessions_are_shown_page_by_page_and_ended) {
  const auto admin = make_and_sign_in("admin@example.org", Role::admin);
  const auto bob = make_and_sign_in("bob@example.org", Role::member);
  FakeRequest one;
  one.query["limit"] = "1";
  const auto first = call("GET /security/sessions", nullptr, admin, one).json();
  EXPECT_EQ(first["total"], 2);
  EXPECT_EQ(first["items"].size(), 1u);
  EXPECT_EQ(first["items"][0]["user_id"], bob->id);
  EXPECT_EQ(first["items"][0]["current"], false);
  one.query["cursor"] = first["next_cursor"];
  const auto second = call("GET /security/sessions", nullptr, admin, one).json();
  EXPECT_EQ(second["items"][0]["current"], true);
  EXPECT_TRUE(second["next_cursor"].is_null());
  EXPECT_EQ(call("DELETE /security/sessions/{id}", nullptr, admin, with_id(bob->session_id)).status, 204);
  EXPECT_FALSE(auth_->authenticator.still_valid(*bob));
  EXPECT_EQ(call("DELETE /security/sessions/{id}", nullptr, admin, with_id(bob->session_id)).status, 404);
  for (const auto& [name, value] :
       std::map<std::string, std::string>{{"limit", "0"}, {"cursor", "x"}, {"user_id", "' OR 1=1"}}) {
    FakeRequest bad;
    bad.query[name] = value;
    EXPECT_EQ(call("GET /security/sessions", nullptr, admin, bad).status, 422) << name;
  }
}

TEST_P(AccountsTest, a_changed_password_is_asked_for_at_the_next_login) {
  const auto who = make_and_sign_in("ann@example.org", Role::member);
  const atrium::Json change{{"current_password", good_password}, {"new_password", "another horse battery"}};
  EXPECT_EQ(call("POST /auth/change-password", change, who).status, 200);
  EXPECT_EQ(call("POST /auth/change-password", change, who).status, 401);
  EXPECT_EQ(call("POST /auth/login", {{"email", "ann@example.org"}, {"password", good_password}}).status, 401);
  EXPECT_TRUE(auth_->authenticator.still_valid(*who));
}

}  // namespace
}  // namespace kernel::auth
