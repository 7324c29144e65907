// The vault's promises, on the fake host with the real libsodium.
#include <atrium/testing/fake_host.hpp>

#include <atrium/vault.hpp>

#include <gtest/gtest.h>

using namespace atrium::testing;
using atrium::Json;

namespace {

constexpr const char* mask = "********";

class Secrets : public ::testing::Test {
 protected:
  Json make(Json members) {
    if (!members.contains("name")) members["name"] = "secret-" + std::to_string(++made_);
    if (!members.contains("value")) members["value"] = "a value";
    const auto answer = host.post("/secrets", members, admin);
    EXPECT_EQ(answer.status, 201) << answer.body;
    return answer.json();
  }
  static std::string path(const Json& secret) { return "/secrets/" + secret["id"].get<std::string>(); }
  Response reveal(const Json& secret, const std::string& more = {}) {
    return host.get(path(secret) + "?reveal=true" + more, admin);
  }
  std::string value_of(const Json& secret) { return reveal(secret).json().value("value", "none"); }
  std::vector<std::string> actions() const {
    std::vector<std::string> actions;
    for (const auto& change : host.events.recorded()) actions.push_back(change.action);
    return actions;
  }
  std::int64_t count(const std::string& action) const {
    const auto all = actions();
    return std::count(all.begin(), all.end(), action);
  }
  Outcome take(const std::string& reference, const std::string& plugin = "webhooks") {
    host.services.caller = plugin;
    return host.call("secrets/vault", "take", {{"reference", reference}});
  }
  std::string keep(const std::string& value, const std::string& plugin = "webhooks") {
    host.services.caller = plugin;
    const auto kept = host.call_in_transaction("secrets/vault", "keep", {{"name", "signing key"}, {"value", value}});
    EXPECT_EQ(kept.status, ATRIUM_OK) << kept.json;
    return kept.json.value("id", "");
  }
  static int status_of(const Outcome& outcome) { return outcome.json.value("status", 0); }

  FakeHost host{ATRIUM_PLUGIN_SOURCE_DIR};
  LoadedPlugin plugin{host, atrium_plugin_v1()};

 private:
  int made_ = 0;
};

using Texts = std::vector<std::string>;

TEST_F(Secrets, AValueIsMaskedAndRevealedOnPurpose) {
  const auto secret = make({{"value", "hunter2"}, {"granted_to", {"webhooks"}}});
  EXPECT_EQ(secret["value"], mask);
  EXPECT_EQ(secret["version"], 1);
  EXPECT_EQ(secret["created_by"], admin.id);
  EXPECT_EQ(host.get(path(secret), admin).json(), secret);
  EXPECT_EQ(host.get("/secrets", admin).json()["items"], Json::array({secret}));
  const auto revealed = reveal(secret);
  EXPECT_EQ(revealed.json()["value"], "hunter2");
  EXPECT_EQ(revealed.header("cache-control"), "no-store");
  EXPECT_EQ(actions(), (Texts{"secret.created", "secret.revealed"}));
  EXPECT_TRUE(host.events.topics().empty()) << "members may not hear of secrets";
}

TEST_F(Secrets, NothingIsRevealedThatTheAuditLogDoesNotHold) {
  const auto secret = make({{"value", "hunter2"}});
  host.db.fail_next_commit(ATRIUM_E_UNAVAILABLE);
  const auto answer = reveal(secret);
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.body.find("hunter2"), std::string::npos);
  EXPECT_EQ(count("secret.revealed"), 0);
}

TEST_F(Secrets, EveryFaultIsNamedAtOnce) {
  EXPECT_EQ(host.post("/secrets",
                      {{"category", ""}, {"expires_at", "soon"}, {"granted_to", {"Not A Plugin"}}, {"x", 1}}, admin)
                .pointers(),
            (std::set<std::string>{"/name", "/value", "/category", "/expires_at", "/granted_to", "/x"}));
  EXPECT_EQ(host.post("/secrets", {{"name", atrium::Id::make().str()}, {"value", mask}}, admin).pointers(),
            (std::set<std::string>{"/name", "/value"}));
  EXPECT_EQ(
      host.post("/secrets", {{"name", "x"}, {"value", ""}, {"expires_at", "2020-01-01T00:00:00Z"}}, admin).pointers(),
      (std::set<std::string>{"/value", "/expires_at"}));
  EXPECT_EQ(host.post("/secrets", {{"name", "x"}, {"value", std::string(65'537, 'x')}}, admin).status, 422);
  EXPECT_EQ(value_of(make({{"value", std::string(65'536, 'x')}})), std::string(65'536, 'x'));
}

TEST_F(Secrets, OnlyAdminsComeNear) {
  const auto secret = make({});
  for (const auto& who : {member, viewer, nobody}) {
    const int refused = who.kind.empty() ? 401 : 403;
    EXPECT_EQ(host.get("/secrets", who).status, refused);
    EXPECT_EQ(host.get(path(secret) + "?reveal=true", who).status, refused);
    EXPECT_EQ(host.post(path(secret) + "/rotate", nullptr, who).status, refused);
    EXPECT_EQ(host.post("/secrets/rotate-master", nullptr, who).status, refused);
  }
}

TEST_F(Secrets, ANameIsTakenOnce) {
  make({{"name", "api-key"}});
  const auto other = make({});
  EXPECT_EQ(host.post("/secrets", {{"name", "api-key"}, {"value", "x"}}, admin).status, 409);
  EXPECT_EQ(host.put(path(other), {{"name", "api-key"}}, admin).status, 409);
}

TEST_F(Secrets, WhatGetGaveCanBePutAndChangesNothing) {
  const auto secret = make({{"value", "first"}});
  const auto same = host.put(path(secret), secret, admin).json();
  EXPECT_EQ(same["version"], 1);
  const auto next = host.put(path(secret), {{"value", "second"}, {"category", "mail"}}, admin).json();
  EXPECT_EQ(next["version"], 2);
  EXPECT_EQ(next["value"], mask);
  EXPECT_EQ(next["category"], "mail");
  EXPECT_EQ(value_of(secret), "second");
  EXPECT_EQ(reveal(secret, "&version=1").json()["value"], "first");
  EXPECT_EQ(host.put(path(secret), {{"value", nullptr}}, admin).status, 422);
  EXPECT_EQ(host.put(path(secret), {{"value", "x"}}, admin, {{"if-match", "\"1\""}}).status, 412);
  EXPECT_EQ(host.put("/secrets/" + atrium::Id::make().str(), {{"value", "x"}}, admin).status, 404);
}

TEST_F(Secrets, RotatingKeepsSoManyVersions) {
  const auto secret = make({{"value", "value 1"}});
  for (int n = 2; n <= 13; ++n) {
    const auto rotated = host.post(path(secret) + "/rotate", {{"value", "value " + std::to_string(n)}}, admin);
    EXPECT_EQ(rotated.json()["version"], n) << rotated.body;
  }
  const auto versions = host.get(path(secret) + "/versions", admin).json();
  EXPECT_EQ(versions["total"], 10);
  EXPECT_EQ(versions["items"][0]["version"], 13);
  EXPECT_EQ(versions["items"][9]["version"], 4);
  EXPECT_EQ(reveal(secret, "&version=4").json()["value"], "value 4");
  EXPECT_EQ(reveal(secret, "&version=3").status, 404);
  EXPECT_EQ(host.get("/secrets/" + atrium::Id::make().str() + "/versions", admin).status, 404);
}

TEST_F(Secrets, ARotationWithoutAValueMakesOne) {
  const auto secret = make({});
  EXPECT_EQ(host.request("POST", path(secret) + "/rotate", "", admin).status, 200);
  const auto first = value_of(secret);
  EXPECT_EQ(first.size(), 43u);
  host.post(path(secret) + "/rotate", Json::object(), admin);
  EXPECT_NE(value_of(secret), first);
}

TEST_F(Secrets, WhatIsDeletedLeavesNothing) {
  const auto secret = make({{"granted_to", {"webhooks"}}});
  EXPECT_EQ(take(secret["id"]).status, ATRIUM_OK);
  EXPECT_EQ(host.remove(path(secret), admin).status, 204);
  EXPECT_EQ(host.remove(path(secret), admin).status, 404);
  EXPECT_EQ(reveal(secret).status, 404);
  EXPECT_EQ(status_of(take(secret["id"])), 404);
}

TEST_F(Secrets, WhatExpiresSoonComesFirst) {
  const auto in_days = [](int days) { return (atrium::Time::now() + std::chrono::hours(24 * days)).text(); };
  make({{"name", "never"}});
  make({{"name", "later"}, {"expires_at", in_days(20)}});
  make({{"name", "sooner"}, {"expires_at", in_days(2)}});
  make({{"name", "next year"}, {"expires_at", in_days(300)}});
  const auto names = [&](const std::string& query) {
    Texts names;
    const auto page = host.get("/secrets/expiring" + query, admin).json();
    for (const auto& item : page["items"]) names.push_back(item["name"]);
    return names;
  };
  EXPECT_EQ(names(""), (Texts{"sooner", "later"}));
  EXPECT_EQ(names("?days=3"), Texts{"sooner"});
  EXPECT_EQ(names("?days=365"), (Texts{"sooner", "later", "next year"}));
  EXPECT_EQ(host.get("/secrets/expiring?days=0", admin).status, 422);
  EXPECT_EQ(host.get("/secrets/expiring?days=3651", admin).status, 422);
  const auto page = host.get("/secrets/expiring?limit=1", admin).json();
  EXPECT_EQ(names("?limit=1&cursor=" + page["next_cursor"].get<std::string>()), Texts{"later"});
}

TEST_F(Secrets, APluginTakesWhatIsGrantedAndNothingElse) {
  const auto secret = make({{"name", "mail-password"}, {"value", "hunter2"}, {"granted_to", {"notifications"}}});
  const auto taken = take("mail-password", "notifications");
  EXPECT_EQ(taken.json, (Json{{"value", "hunter2"}, {"version", 1}}));
  EXPECT_EQ(take(secret["id"], "notifications").json, taken.json);
  EXPECT_EQ(status_of(take("mail-password", "webhooks")), 403);
  EXPECT_EQ(status_of(take("no such secret")), 404);
  host.db.script("UPDATE secrets SET expires_at = 1");
  EXPECT_EQ(status_of(take("mail-password", "notifications")), 410);
  EXPECT_EQ(value_of(secret), "hunter2") << "an admin still reads it";
}

TEST_F(Secrets, AUseIsAuditedOnceAMinuteInThePluginsName) {
  const auto secret = make({{"granted_to", {"ssh", "webhooks"}}});
  for (int n = 0; n < 3; ++n) {
    take(secret["id"], "ssh");
    take(secret["id"], "webhooks");
    take(secret["id"], "agents");
  }
  EXPECT_EQ(count("secret.used"), 2);
  EXPECT_EQ(count("secret.refused"), 1);
  EXPECT_EQ(host.events.recorded()[1].actor, "plugin:ssh");
  EXPECT_FALSE(host.get(path(secret), admin).json()["last_used_at"].is_null());
}

TEST_F(Secrets, NothingIsTakenThatTheAuditLogDoesNotHold) {
  const auto secret = make({{"granted_to", {"webhooks"}}});
  host.db.fail_next_commit(ATRIUM_E_UNAVAILABLE);
  const auto taken = take(secret["id"]);
  EXPECT_EQ(taken.status, ATRIUM_E_UNAVAILABLE);
  EXPECT_FALSE(taken.json.contains("value"));
  EXPECT_EQ(take(secret["id"]).status, ATRIUM_OK);
}

TEST_F(Secrets, WhatAPluginKeepsIsItsOwn) {
  const auto id = keep("whsec_1"), other = keep("whsec_2");
  EXPECT_NE(id, other) << "a plugin's names may repeat";
  EXPECT_EQ(take(id).json["value"], "whsec_1");
  EXPECT_EQ(status_of(take(id, "ssh")), 403);
  EXPECT_EQ(status_of(take("signing key")), 404) << "names are of what admins make";
  const auto shown = host.get("/secrets/" + id, admin).json();
  EXPECT_EQ(shown["owner_plugin"], "webhooks");
  EXPECT_EQ(shown["value"], mask);
  EXPECT_EQ(host.get("/secrets?owner_plugin=webhooks", admin).json()["total"], 2);
  EXPECT_EQ(host.put("/secrets/" + id, {{"value", "x"}}, admin).status, 409);
  EXPECT_EQ(host.post("/secrets/" + id + "/rotate", nullptr, admin).status, 409);
  EXPECT_EQ(take(id).json["value"], "whsec_1");
  host.services.caller = "ssh";
  EXPECT_EQ(status_of(host.call_in_transaction("secrets/vault", "forget", {{"reference", id}})), 403);
  host.services.caller = "webhooks";
  for (int n = 0; n < 2; ++n)
    EXPECT_EQ(host.call_in_transaction("secrets/vault", "forget", {{"reference", id}}).status, ATRIUM_OK);
  EXPECT_EQ(status_of(take(id)), 404);
  EXPECT_EQ(host.remove("/secrets/" + other, admin).status, 204) << "its plugin may be gone";
}

TEST_F(Secrets, CheckAnswersAsTakeWould) {
  const auto secret = make({{"name", "mine"}, {"granted_to", {"webhooks"}}});
  const auto check = [&](const std::string& reference, const std::string& by) {
    host.services.caller = by;
    return host.call_in_transaction("secrets/vault", "check", {{"reference", reference}});
  };
  EXPECT_EQ(check("mine", "webhooks").status, ATRIUM_OK);
  EXPECT_EQ(status_of(check("mine", "ssh")), 403);
  EXPECT_EQ(status_of(check("none", "ssh")), 404);
  EXPECT_EQ(count("secret.used"), 0);
}

TEST_F(Secrets, TakingWaitsAndKeepingDoesNot) {
  EXPECT_EQ(status_of(host.call_in_transaction("secrets/vault", "take", {{"reference", "x"}})), 400);
  EXPECT_EQ(status_of(host.call("secrets/vault", "keep", {{"name", "x"}, {"value", "x"}})), 400);
}

TEST_F(Secrets, WhatWasMovedOrChangedIsNeverShown) {
  const auto one = make({{"value", "value of one"}}), two = make({{"value", "value of two"}});
  host.post(path(one) + "/rotate", {{"value", "newer value of one"}}, admin);
  const auto spoil = [&](const std::string& sql) {
    host.db.script(sql);
    const auto answer = reveal(one);
    EXPECT_EQ(answer.status, 500);
    EXPECT_EQ(answer.json()["type"], "/problems/secret-damaged");
    EXPECT_EQ(answer.body.find("value of"), std::string::npos);
  };
  const std::string one_id = "'" + one["id"].get<std::string>() + "'",
                    two_id = "'" + two["id"].get<std::string>() + "'";
  spoil("UPDATE secret_versions SET sealed = (SELECT sealed FROM secret_versions WHERE secret_id = " + two_id +
        ") WHERE secret_id = " + one_id + " AND version = 2");
  spoil("UPDATE secret_versions SET sealed = (SELECT sealed FROM secret_versions WHERE secret_id = " + one_id +
        " AND version = 1) WHERE secret_id = " + one_id + " AND version = 2");
  spoil("UPDATE secret_versions SET sealed = 'nonsense' WHERE secret_id = " + one_id);
  spoil("UPDATE secret_keys SET wrapped = (SELECT wrapped FROM secret_keys WHERE secret_id = " + two_id +
        ") WHERE secret_id = " + one_id);
  EXPECT_EQ(value_of(two), "value of two");
}

TEST_F(Secrets, NoValueIsInALogOrTheDatabaseAsItIs) {
  const std::string canary = "canary-value-of-this-test";
  const auto secret = make({{"value", canary}, {"granted_to", {"webhooks"}}});
  host.post(path(secret) + "/rotate", {{"value", canary + "2"}}, admin);
  keep(canary + "3");
  take(secret["id"]);
  for (const auto& line : host.log()) EXPECT_EQ((line.message + line.fields.dump()).find("canary"), std::string::npos);
  for (const auto& change : host.events.recorded()) EXPECT_EQ(change.data.find("canary"), std::string::npos);
}

}  // namespace
