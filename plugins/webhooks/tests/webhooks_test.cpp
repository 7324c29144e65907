// Webhooks against a scripted vault and scripted endpoints: who gets what, in which order, how often.
#include "../src/signature.hpp"

#include <atrium/testing/fake_host.hpp>

#include <gtest/gtest.h>

using namespace atrium::testing;
using namespace std::chrono_literals;
using atrium::Json;

namespace {

const Json hook{{"url", "https://example.org/hook"}, {"events", {"task.*"}}};

class Webhooks : public ::testing::Test {
 protected:
  void SetUp() override {
    host.services.provide("secrets/vault", [this](const atrium::Call& call) -> Json {
      const auto json = call.json();
      if (call.method() == "keep") {
        const auto id = atrium::Id::make().str();
        vault[id] = json["value"];
        return {{"id", id}};
      }
      const std::string id = json["reference"];
      if (call.method() == "forget") return vault.erase(id), Json::object();
      if (!vault.contains(id)) throw atrium::not_found("There is no such secret.");
      return {{"value", vault.at(id)}, {"version", 1}};
    });
    host.egress.answer([this](const SentRequest& sent) {
      seen.push_back(sent);
      return ScriptedAnswer{.status = status, .pieces = {"thanks"}, .headers = headers};
    });
    load();
  }
  void load() { plugin.emplace(host, atrium_plugin_v1()); }

  Json make(const Json& members = hook, const Who& who = member) {
    const auto made = host.post("/webhooks", members, who);
    EXPECT_EQ(made.status, 201) << made.body;
    return made.json();
  }
  void publish(int number, const std::string& topic = "task.created", const std::string& owner = {}) {
    host.events.publish(topic, std::to_string(number), {{"number", number}}, "plugin:test", owner);
    host.settle();
  }
  static std::string path(const Json& webhook) { return "/webhooks/" + webhook["id"].get<std::string>(); }
  Json log_of(const Json& webhook, const Who& who = member) {
    return host.get(path(webhook) + "/deliveries", who).json()["items"];
  }
  std::vector<int> numbers() const {
    std::vector<int> numbers;
    for (const auto& sent : seen) numbers.push_back(Json::parse(sent.body)["data"]["number"]);
    return numbers;
  }
  /// Whether the header holds one signature for each of these secrets, in this order.
  static bool signed_by(const SentRequest& sent, const std::vector<std::string>& secrets) {
    std::string expected;
    for (const auto& secret : secrets)
      expected += (expected.empty() ? "" : " ") +
                  webhooks::sign(*webhooks::key_of(secret), sent.headers["webhook-id"].get<std::string>(),
                                 std::stoll(sent.headers["webhook-timestamp"].get<std::string>()), sent.body);
    return sent.headers["webhook-signature"] == expected;
  }

  FakeHost host{ATRIUM_PLUGIN_SOURCE_DIR};
  std::map<std::string, std::string> vault;
  std::vector<SentRequest> seen;
  int status = 204;
  Json headers = Json::object();
  std::optional<LoadedPlugin> plugin;
};

TEST_F(Webhooks, AnEventIsSentSignedAndLogged) {
  const auto webhook = make();
  publish(1);
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0].method, "POST");
  EXPECT_EQ(seen[0].url, "https://example.org/hook");
  EXPECT_EQ(seen[0].all["trust"], "user");
  EXPECT_EQ(seen[0].all["redirects"], 0);
  const auto body = Json::parse(seen[0].body);
  EXPECT_EQ(body["type"], "task.created");
  EXPECT_TRUE(atrium::Time::parse(body["timestamp"].get<std::string>()));
  EXPECT_EQ(body["data"]["number"], 1);
  EXPECT_TRUE(signed_by(seen[0], {webhook["secret"]}));
  const auto log = log_of(webhook);
  ASSERT_EQ(log.size(), 1u);
  EXPECT_EQ(log[0]["id"], seen[0].headers["webhook-id"]);
  EXPECT_EQ(log[0]["status"], "succeeded");
  EXPECT_EQ(log[0]["response_status"], 204);
  EXPECT_EQ(log[0]["response_body"], "thanks");
  EXPECT_EQ(log[0]["attempts"], 1);
  const auto whole = host.get(path(webhook) + "/deliveries/" + log[0]["id"].get<std::string>()).json();
  EXPECT_EQ(whole["payload"], body);
}

TEST_F(Webhooks, TheSecretIsShownOnceAndStandsNowhere) {
  const auto webhook = make();
  const std::string secret = webhook["secret"];
  EXPECT_TRUE(secret.starts_with("whsec_"));
  EXPECT_FALSE(host.get(path(webhook)).json().contains("secret"));
  EXPECT_EQ(host.get("/webhooks").body.find(secret), std::string::npos);
  for (const auto& change : host.events.recorded()) EXPECT_EQ(change.data.find(secret), std::string::npos);
  EXPECT_EQ(vault.size(), 1u);
  EXPECT_EQ(host.remove(path(webhook)).status, 204);
  EXPECT_TRUE(vault.empty());
}

TEST_F(Webhooks, WithoutAVaultNoneIsMade) {
  host.services.withdraw("secrets/vault");
  const auto answer = host.post("/webhooks", hook);
  EXPECT_EQ(answer.status, 503);
  EXPECT_NE(answer.body.find("secrets/vault"), std::string::npos);
}

TEST_F(Webhooks, WhatIsWrongIsNamed) {
  host.egress.checking = [](const std::string& url) { return url.starts_with("https://example") ? "" : "refused"; };
  const auto wrong = host.post(
      "/webhooks", {{"url", "ftp://example.org"}, {"events", {"task.*", "*.task"}}, {"secret", "whsec_short"}});
  EXPECT_EQ(wrong.status, 422);
  EXPECT_EQ(wrong.pointers(), (std::set<std::string>{"/url", "/events", "/secret"}));
  EXPECT_EQ(host.post("/webhooks", Json::object()).pointers(), (std::set<std::string>{"/url", "/events"}));
  const auto webhook = make();
  EXPECT_EQ(host.patch(path(webhook), {{"url", "http://10.0.0.1/"}}).pointers(), (std::set<std::string>{"/url"}));
  host.egress.checking = [](const std::string&) { return "the configuration has changed since"; };
  EXPECT_EQ(host.patch(path(webhook), {{"description", "as before"}}).status, 200);
  EXPECT_EQ(host.put(path(webhook), {{"secret", webhook["secret"]}}).pointers(), (std::set<std::string>{"/secret"}));
}

TEST_F(Webhooks, OnlyItsOwnerAndAdminsSeeIt) {
  const auto webhook = make();
  publish(1);
  const auto delivery = path(webhook) + "/deliveries/" + log_of(webhook)[0]["id"].get<std::string>();
  for (const auto& target : {path(webhook), path(webhook) + "/deliveries", delivery}) {
    EXPECT_EQ(host.get(target).status, 200) << target;
    EXPECT_EQ(host.get(target, admin).status, 200) << target;
    EXPECT_EQ(host.get(target, other_member).status, 404) << target;
  }
  EXPECT_EQ(host.get("/webhooks", other_member).json()["total"], 0);
  EXPECT_EQ(host.get("/webhooks", admin).json()["total"], 1);
  EXPECT_EQ(host.put(path(webhook), {{"is_active", false}}, other_member).status, 404);
  EXPECT_EQ(host.remove(path(webhook), other_member).status, 404);
  for (const auto* action : {"/test", "/rotate-secret"})
    EXPECT_EQ(host.post(path(webhook) + action, nullptr, other_member).status, 404) << action;
  EXPECT_EQ(host.post(delivery + "/replay", nullptr, other_member).status, 404);
}

TEST_F(Webhooks, AnEventOfSomebodysOwnReachesNobodyElses) {
  make(hook, admin);
  publish(1, "task.created", member.id);
  EXPECT_TRUE(seen.empty());
  make();
  publish(2, "task.created", member.id);
  EXPECT_EQ(numbers(), (std::vector<int>{2}));
}

TEST_F(Webhooks, PatternsChooseAndTheirOwnEventsAreNotSent) {
  make({{"url", "https://example.org/"}, {"events", {"task.failed", "agent.*"}}});
  publish(1, "task.created");
  publish(2, "task.failed");
  publish(3, "agent.status");
  publish(4, "agents.x");
  EXPECT_EQ(numbers(), (std::vector<int>{2, 3}));
  seen.clear();
  make({{"url", "https://example.org/"}, {"events", {"*", "webhook.*"}}});
  EXPECT_TRUE(seen.empty()) << seen[0].body;
}

TEST_F(Webhooks, InactiveOnesRecordNothing) {
  const auto webhook = make();
  EXPECT_EQ(host.put(path(webhook), {{"is_active", false}}).status, 200);
  publish(1);
  EXPECT_TRUE(seen.empty());
  EXPECT_EQ(host.put(path(webhook), {{"is_active", true}}).status, 200);
  publish(2);
  EXPECT_EQ(numbers(), (std::vector<int>{2}));
}

TEST_F(Webhooks, AFailureHoldsThoseBehindItAndKeepsItsId) {
  status = 500;
  const auto webhook = make();
  publish(1);
  publish(2);
  ASSERT_EQ(numbers(), (std::vector<int>{1}));
  const auto log = log_of(webhook);
  EXPECT_EQ(log[1]["status"], "pending");
  EXPECT_EQ(log[1]["error"], "it answered 500");
  EXPECT_EQ(log[0]["attempts"], 0);
  status = 200;
  host.db.script("UPDATE webhook_deliveries SET next_attempt_at = 0; UPDATE webhook_lanes SET due_at = 0");
  host.advance(1s);
  EXPECT_EQ(numbers(), (std::vector<int>{1, 1, 2}));
  EXPECT_EQ(seen[0].headers["webhook-id"], seen[1].headers["webhook-id"]);
  EXPECT_NE(seen[0].headers["webhook-id"], seen[2].headers["webhook-id"]);
}

TEST_F(Webhooks, AfterThreeTriesTheOthersPass) {
  host.egress.answer([this](const SentRequest& sent) {
    seen.push_back(sent);
    const bool poison = Json::parse(sent.body)["data"]["number"] == 1;
    return ScriptedAnswer{.status = poison ? 500 : 200};
  });
  make();
  publish(1);
  publish(2);
  for (int i = 0; i < 3; ++i) {
    host.db.script("UPDATE webhook_deliveries SET next_attempt_at = 0; UPDATE webhook_lanes SET due_at = 0");
    host.advance(1s);
  }
  EXPECT_EQ(numbers(), (std::vector<int>{1, 1, 1, 2, 1}));
}

TEST_F(Webhooks, AtTheEndOfTheScheduleItHasFailedAndItsOwnerIsTold) {
  plugin.reset();
  host.settings.configuration = {{"retry_seconds", {1}}};
  load();
  status = 503;
  const auto webhook = make();
  publish(1);
  host.db.script("UPDATE webhook_deliveries SET next_attempt_at = 0; UPDATE webhook_lanes SET due_at = 0");
  host.advance(1s);
  EXPECT_EQ(log_of(webhook)[0]["status"], "failed");
  EXPECT_EQ(log_of(webhook)[0]["next_attempt_at"], nullptr);
  const auto told = host.events.last("webhook.delivery_failed");
  EXPECT_EQ(told.owner, member.id);
  EXPECT_EQ(told.json()["attempts"], 2);
  status = 200;
  const auto id = log_of(webhook)[0]["id"].get<std::string>();
  EXPECT_EQ(host.post(path(webhook) + "/deliveries/" + id + "/replay").status, 202);
  EXPECT_EQ(log_of(webhook)[0]["status"], "succeeded");
  EXPECT_EQ(log_of(webhook)[0]["attempts"], 3);
  EXPECT_EQ(seen.back().headers["webhook-id"], id);
}

TEST_F(Webhooks, GoneDisablesIt) {
  status = 410;
  const auto webhook = make();
  publish(1);
  publish(2);
  EXPECT_EQ(seen.size(), 1u);
  const auto now = host.get(path(webhook)).json();
  EXPECT_FALSE(now["is_active"]);
  EXPECT_NE(now["disabled_reason"].get<std::string>().find("410"), std::string::npos);
  EXPECT_EQ(host.events.last("webhook.disabled").owner, member.id);
  EXPECT_EQ(log_of(webhook)[0]["status"], "failed");
  const auto id = log_of(webhook)[0]["id"].get<std::string>();
  EXPECT_EQ(host.post(path(webhook) + "/deliveries/" + id + "/replay").status, 409);
}

TEST_F(Webhooks, ARotatedSecretSignsTogetherWithTheFormer) {
  const auto webhook = make();
  const auto rotated = host.post(path(webhook) + "/rotate-secret").json();
  EXPECT_NE(rotated["secret"], webhook["secret"]);
  publish(1);
  EXPECT_TRUE(signed_by(seen.at(0), {rotated["secret"], webhook["secret"]}));
  const auto again = host.post(path(webhook) + "/rotate-secret", {{"overlap_seconds", 0}}).json();
  EXPECT_EQ(vault.size(), 1u);
  publish(2);
  EXPECT_TRUE(signed_by(seen.at(1), {again["secret"]}));
  const auto given = "whsec_" + std::string(32, 'A');
  EXPECT_EQ(host.post(path(webhook) + "/rotate-secret", {{"secret", given}}).json()["secret"], given);
  EXPECT_EQ(host.post(path(webhook) + "/rotate-secret", {{"secret", "x"}}).status, 422);
  host.db.script("UPDATE webhooks SET previous_secret_expires_at = 1");
  publish(3);
  EXPECT_TRUE(signed_by(seen.at(2), {given}));
  host.advance(61s);
  EXPECT_EQ(vault.size(), 1u);
  EXPECT_EQ(host.get(path(webhook)).json()["previous_secret_expires_at"], nullptr);
}

TEST_F(Webhooks, ASecretThatCannotBeReadCostsNoAttempt) {
  const auto webhook = make();
  const auto kept = std::exchange(vault, {});
  publish(1);
  EXPECT_TRUE(seen.empty());
  EXPECT_EQ(log_of(webhook)[0]["attempts"], 0);
  EXPECT_NE(log_of(webhook)[0]["error"].get<std::string>().find("secret"), std::string::npos);
  vault = kept;
  host.db.script("UPDATE webhook_deliveries SET next_attempt_at = 0; UPDATE webhook_lanes SET due_at = 0");
  host.advance(1s);
  EXPECT_EQ(numbers(), (std::vector<int>{1}));
}

TEST_F(Webhooks, ATestIsSentAtOnceAndLogged) {
  const auto webhook = make();
  const auto good = host.post(path(webhook) + "/test");
  EXPECT_EQ(good.status, 200);
  EXPECT_TRUE(good.json()["ok"]);
  EXPECT_EQ(Json::parse(seen.at(0).body)["type"], "webhook.test");
  status = 302;
  const auto bad = host.post(path(webhook) + "/test").json();
  EXPECT_FALSE(bad["ok"]);
  EXPECT_NE(bad["error"].get<std::string>().find("redirect"), std::string::npos);
  EXPECT_EQ(log_of(webhook).size(), 2u);
  EXPECT_EQ(log_of(webhook)[0]["id"], bad["delivery_id"]);
}

TEST_F(Webhooks, AnAnswerWithoutEndIsReadNoFurther) {
  host.egress.answer([](const SentRequest&) {
    return ScriptedAnswer{.status = 200, .pieces = {std::string(40'000, 'x'), std::string(40'000, 'x'), "more"}};
  });
  const auto webhook = make();
  publish(1);
  EXPECT_EQ(log_of(webhook)[0]["status"], "succeeded");
  EXPECT_EQ(log_of(webhook)[0]["response_body"].get<std::string>().size(), 1'024u);
}

TEST_F(Webhooks, ARefusedAddressIsAFailedAttemptThatSaysWhy) {
  host.egress.answer([](const SentRequest&) {
    return ScriptedAnswer{.status = 0, .ends_with = ATRIUM_E_DENIED, .why = "127.0.0.1 is a loopback address"};
  });
  const auto webhook = make();
  publish(1);
  EXPECT_EQ(log_of(webhook)[0]["error"], "127.0.0.1 is a loopback address");
  EXPECT_EQ(log_of(webhook)[0]["response_status"], nullptr);
}

TEST_F(Webhooks, ASlowEndpointHoldsNoOther) {
  host.egress.answer([this](const SentRequest& sent) {
    seen.push_back(sent);
    return sent.url.ends_with("/dead") ? ScriptedAnswer{.status = 0, .hangs = true} : ScriptedAnswer{.status = 200};
  });
  make({{"url", "https://example.org/dead"}, {"events", {"*"}}});
  const auto alive = make();
  for (int number = 1; number <= 5; ++number) publish(number);
  EXPECT_EQ(log_of(alive).size(), 5u);
  for (const auto& delivery : log_of(alive)) EXPECT_EQ(delivery["status"], "succeeded");
}

TEST_F(Webhooks, WhatWasWaitingGoesOnAfterARestart) {
  status = 500;
  make();
  publish(1);
  plugin.reset();
  status = 200;
  host.db.script("UPDATE webhook_deliveries SET next_attempt_at = 0; UPDATE webhook_lanes SET due_at = 0");
  load();
  host.advance(1s);
  EXPECT_EQ(numbers(), (std::vector<int>{1, 1}));
  EXPECT_EQ(seen[0].headers["webhook-id"], seen[1].headers["webhook-id"]);
}

TEST_F(Webhooks, ALaneThatAnotherNodeHoldsIsLeftAlone) {
  const auto webhook = make();
  host.db.script("UPDATE webhook_lanes SET lease = 'other', lease_until = 9000000000000000");
  publish(1);
  host.advance(10s);
  EXPECT_TRUE(seen.empty());
  host.db.script("UPDATE webhook_lanes SET lease_until = 1");
  host.advance(1s);
  EXPECT_EQ(numbers(), (std::vector<int>{1}));
}

TEST_F(Webhooks, NothingLeavesForAnAccountThatIsClosed) {
  const auto webhook = make();
  host.events.publish("user.updated", member.id, {{"status", "active"}});
  host.settle();
  EXPECT_TRUE(host.get(path(webhook)).json()["is_active"]);
  host.events.publish("user.deleted", member.id, {{"status", "active"}});
  host.settle();
  EXPECT_FALSE(host.get(path(webhook)).json()["is_active"]);
  publish(1);
  EXPECT_TRUE(seen.empty());
}

TEST_F(Webhooks, TheLogIsBounded) {
  plugin.reset();
  host.settings.configuration = {{"log_rows", 5}, {"max_backlog", 3}};
  load();
  const auto webhook = make();
  for (int number = 1; number <= 9; ++number) publish(number);
  host.advance(10min);
  EXPECT_EQ(log_of(webhook).size(), 5u);
  status = 500;
  for (int number = 1; number <= 6; ++number) publish(number);
  host.advance(1min);
  EXPECT_FALSE(host.get(path(webhook)).json()["is_active"]);
  EXPECT_EQ(host.remove(path(webhook)).status, 204);
  host.db.script("UPDATE webhook_messages SET created_at = 1");
  host.advance(10min);
  const atrium::Host sdk(host.raw());
  const atrium::Store store(sdk);
  EXPECT_EQ(store.value<std::int64_t>("SELECT count(*) FROM webhook_deliveries"), 0);
  EXPECT_EQ(store.value<std::int64_t>("SELECT count(*) FROM webhook_messages"), 0);
}

TEST_F(Webhooks, OneAccountHasABound) {
  plugin.reset();
  host.settings.configuration = {{"max_per_owner", 2}};
  load();
  make();
  make();
  EXPECT_EQ(host.post("/webhooks", hook).status, 409);
  make(hook, other_member);
}

}  // namespace
