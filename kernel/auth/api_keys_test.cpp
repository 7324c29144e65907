#include "auth/api_keys.hpp"

#include "auth/opaque_token.hpp"
#include "auth/testing/database_fixture.hpp"

#include <chrono>
#include <functional>
#include <future>
#include <string>

namespace kernel::auth {
namespace {

using namespace std::chrono_literals;

class ApiKeysTest : public testing::OnEachDatabase {
 protected:
  ApiKeysTest() : ann_(make_user("ann@example.org")) { make_user("root@example.org", Role::admin); }

  ApiKey make(std::optional<Scopes> scopes = {}, std::optional<atrium::Time> expires_at = {}) {
    ApiKey wanted;
    wanted.name = "ci";
    wanted.scopes = std::move(scopes);
    wanted.expires_at = expires_at;
    return auth_->api_keys.make({}, ann_.id.text(), wanted);
  }
  /// The problem's type, or "" where the key signs in.
  static std::string fault(Auth& auth, const std::string& key) {
    const Outcome outcome = authenticate(auth, key);
    if (const auto* rejected = std::get_if<Rejected>(&outcome)) return rejected->type;
    return std::holds_alternative<PrincipalPtr>(outcome) ? "" : "anonymous";
  }
  /// What the other node says of the key after it has heard of what `change` did on this one.
  std::string fault_elsewhere(const std::string& key, const std::function<void()>& change,
                              std::string_view last_topic) {
    jobs::Jobs jobs({.threads = 4});
    events::Log log(*database_, jobs, {});
    const auto node = make_auth();
    node->start(log, jobs);
    log.start();
    EXPECT_EQ(fault(*node, key), "");
    std::promise<void> told;
    const auto after = log.live([&, done = false](const events::EventPtr& event) mutable {
      if (event->topic == last_topic && !std::exchange(done, true)) told.set_value();
    });
    change();
    EXPECT_EQ(told.get_future().wait_for(30s), std::future_status::ready);
    node->stop();  // returns when the node has taken in what it was told
    const auto result = fault(*node, key);
    log.stop();
    jobs.stop();
    return result;
  }

  User ann_;
};
KERNEL_AUTH_ON_EACH_DATABASE(ApiKeysTest);

TEST_P(ApiKeysTest, sign_their_owner_in_by_either_header) {
  const auto key = make(Scopes{"tasks:read"}).key;
  for (const auto& [name, value] : {std::pair("authorization", "Bearer " + key), std::pair("x-api-key", key)}) {
    http::RequestHead head;
    head.headers.add(name, value);
    const auto outcome = auth_->authenticator.authenticate(head, "10.0.0.1", "request", true);
    ASSERT_TRUE(std::holds_alternative<PrincipalPtr>(outcome)) << name;
    const auto& who = *std::get<PrincipalPtr>(outcome);
    EXPECT_EQ(who.id, ann_.id.text());
    EXPECT_EQ(who.kind, "user");
    EXPECT_EQ(who.role, "member");
    EXPECT_EQ(who.session_id, "");
    ASSERT_NE(who.scopes, nullptr);
    EXPECT_EQ(*who.scopes, Scopes{"tasks:read"});
    EXPECT_TRUE(auth_->authenticator.still_valid(who));
  }
}

TEST_P(ApiKeysTest, are_stored_as_a_hash) {
  const auto made = make();
  EXPECT_EQ(made.key.find("atr_"), 0u);
  EXPECT_EQ(made.key.find(made.prefix), 0u);
  EXPECT_LT(made.prefix.size(), 16u);
  EXPECT_EQ(number("SELECT count(*) FROM api_keys WHERE hash LIKE '%" + made.key.substr(4, 10) + "%'"), 0);
  EXPECT_EQ(auth_->api_keys.get(ann_.id.text(), made.id.text()).key, "");
}

TEST_P(ApiKeysTest, do_not_survive_a_changed_character) {
  const auto key = make().key;
  for (std::size_t i = 0; i < key.size(); ++i) {
    auto other = key;
    other[i] = other[i] == 'A' ? 'B' : 'A';
    EXPECT_NE(fault(*auth_, other), "") << i;
  }
}

TEST_P(ApiKeysTest, end_when_they_expire) {
  const auto key = make({}, atrium::Time::now()).key;
  EXPECT_EQ(fault(*auth_, key), "/problems/token-expired");
  Principal listening;
  listening.kind = "user";
  listening.key_id = opaque_token_hash(key);
  ASSERT_NE(auth_->api_keys.find_in_memory(listening.key_id), nullptr);
  EXPECT_FALSE(auth_->authenticator.still_valid(listening));
}

TEST_P(ApiKeysTest, end_at_once_when_revoked_by_their_owner_only) {
  const auto made = make(), other = make();
  const auto who = signed_in(made.key);
  ASSERT_NE(who, nullptr);
  const auto bob = make_user("bob@example.org");
  EXPECT_EQ(status_of([&] { auth_->api_keys.revoke({}, bob.id.text(), made.id.text()); }), 404);
  EXPECT_EQ(status_of([&] { auth_->api_keys.get(bob.id.text(), made.id.text()); }), 404);
  auth_->api_keys.revoke({}, ann_.id.text(), made.id.text());
  EXPECT_EQ(fault(*auth_, made.key), "/problems/invalid-token");
  EXPECT_FALSE(auth_->authenticator.still_valid(*who));
  EXPECT_EQ(status_of([&] { auth_->api_keys.revoke({}, ann_.id.text(), made.id.text()); }), 404);
  EXPECT_EQ(fault(*auth_, other.key), "");
}

TEST_P(ApiKeysTest, have_the_role_that_their_owner_has_now) {
  const auto key = make().key;
  ASSERT_EQ(signed_in(key)->role, "member");
  auth_->users.update_standing({}, ann_.id.str(), {Role::viewer, {}, {}});
  EXPECT_EQ(signed_in(key)->role, "viewer");
}

TEST_P(ApiKeysTest, rest_while_their_owner_is_disabled) {
  const auto key = make().key;
  ASSERT_EQ(fault(*auth_, key), "");
  auth_->users.update_standing({}, ann_.id.str(), {{}, UserStatus::disabled, {}});
  EXPECT_EQ(fault(*auth_, key), "/problems/invalid-token");
  auth_->users.update_standing({}, ann_.id.str(), {{}, UserStatus::active, {}});
  EXPECT_EQ(fault(*auth_, key), "");
}

TEST_P(ApiKeysTest, are_revoked_with_their_owner) {
  const auto key = make().key;
  ASSERT_EQ(fault(*auth_, key), "");
  auth_->users.remove({}, ann_.id.str());
  EXPECT_EQ(fault(*auth_, key), "/problems/invalid-token");
  EXPECT_EQ(number("SELECT count(*) FROM api_keys WHERE revoked_at IS NULL"), 0);
}

TEST_P(ApiKeysTest, of_one_without_the_second_factor_that_is_required_may_do_nothing_else) {
  const auto key = make().key;
  const auto who = signed_in(key);
  auth_->authenticator.require_mfa(true);
  EXPECT_TRUE(signed_in(key)->must_set_up_mfa);
  EXPECT_FALSE(auth_->authenticator.still_valid(*who));
}

TEST_P(ApiKeysTest, end_on_the_other_node_when_revoked) {
  const auto made = make();
  EXPECT_EQ(fault_elsewhere(
                made.key, [&] { auth_->api_keys.revoke({}, ann_.id.text(), made.id.text()); }, api_key_revoked_topic),
            "/problems/invalid-token");
}

TEST_P(ApiKeysTest, rest_on_the_other_node_when_their_owner_is_disabled) {
  EXPECT_EQ(fault_elsewhere(
                make().key,
                [&] {
                  auth_->users.update_standing({}, ann_.id.str(), {{}, UserStatus::disabled, {}});
                },
                user_updated_topic),
            "/problems/invalid-token");
}

TEST_P(ApiKeysTest, tell_when_they_were_last_used) {
  const auto made = make();
  EXPECT_EQ(auth_->api_keys.get(ann_.id.text(), made.id.text()).last_used_at, std::nullopt);
  const auto before = atrium::Time::now();
  ASSERT_EQ(fault(*auth_, made.key), "");
  auth_->api_keys.store_last_uses();
  const auto used = auth_->api_keys.get(ann_.id.text(), made.id.text()).last_used_at;
  ASSERT_TRUE(used);
  EXPECT_GE(*used, before);
}

TEST_P(ApiKeysTest, are_a_hundred_at_most) {
  for (std::int64_t i = 0; i < ApiKeys::most_of_a_user; ++i) make();
  EXPECT_EQ(status_of([&] { make(); }), 409);
}

}  // namespace
}  // namespace kernel::auth
