// The rotation of the master key: what it reaches, and where it may be cut off.
#include <atrium/testing/fake_host.hpp>

#include <gtest/gtest.h>

using namespace atrium::testing;
using atrium::Json;

namespace {

class Rotation : public ::testing::Test {
 protected:
  Rotation() { start(); }
  void start() {
    plugin.reset();
    plugin = std::make_unique<LoadedPlugin>(host, atrium_plugin_v1());
  }
  Json make(const std::string& name) {
    return host.post("/secrets", {{"name", name}, {"value", "value of " + name}}, admin).json();
  }
  Json make_some(int count) {
    Json made = Json::array();
    for (int n = 0; n < count; ++n) made.push_back(make("secret " + std::to_string(n)));
    return made;
  }
  Json rotate() {
    const auto answer = host.post("/secrets/rotate-master", nullptr, admin);
    EXPECT_EQ(answer.status, 202) << answer.body;
    return progress();
  }
  Json progress() { return host.get("/secrets/rotate-master", admin).json(); }
  void expect_all_readable(const Json& secrets) {
    for (const auto& secret : secrets) {
      const auto answer = host.get("/secrets/" + secret["id"].get<std::string>() + "?reveal=true", admin);
      EXPECT_EQ(answer.json().value("value", answer.body), "value of " + secret["name"].get<std::string>());
    }
  }
  std::int64_t audited(const std::string& action) const {
    const auto all = host.events.recorded();
    return std::count_if(all.begin(), all.end(), [&](const Recorded& row) { return row.action == action; });
  }

  FakeHost host{ATRIUM_PLUGIN_SOURCE_DIR};
  std::unique_ptr<LoadedPlugin> plugin;
};

TEST_F(Rotation, EveryKeyIsWrappedAnewAndTheFormerMasterForgotten) {
  host.settings.configuration = {{"rotation_batch", 3}};
  start();
  const auto secrets = make_some(10);
  const auto done = rotate();
  EXPECT_EQ(done["state"], "idle");
  EXPECT_EQ(done["key_id"], "key-2");
  EXPECT_EQ(done["remaining"], 0);
  EXPECT_EQ(done["total"], 10);
  EXPECT_FALSE(done["finished_at"].is_null());
  EXPECT_EQ(host.keys.previous, 0);
  expect_all_readable(secrets);
  EXPECT_EQ(audited("secret.master_rotation_started"), 1);
  EXPECT_EQ(audited("secret.master_rotated"), 1);
  EXPECT_EQ(rotate()["key_id"], "key-3");
  expect_all_readable(secrets);
}

TEST_F(Rotation, AnEmptyVaultRotatesToo) { EXPECT_EQ(rotate()["key_id"], "key-2"); }

TEST_F(Rotation, ItGoesOnWhereAProcessDiedBeforeTheKeyWasMade) {
  const auto secrets = make_some(3);
  host.db.script("UPDATE secret_master SET from_key = 'key-1', started_at = 1, total = 3");
  start();
  EXPECT_EQ(progress()["state"], "idle");
  EXPECT_EQ(progress()["key_id"], "key-2");
  EXPECT_EQ(host.keys.previous, 0);
  expect_all_readable(secrets);
}

TEST_F(Rotation, ItGoesOnWhereAProcessDiedInTheMiddle) {
  const auto secrets = make_some(3);
  host.db.script("UPDATE secret_master SET from_key = 'key-1', started_at = 1, total = 3");
  host.keys.previous = host.keys.current++;
  start();
  EXPECT_EQ(progress()["key_id"], "key-2") << "no second key is made";
  EXPECT_EQ(progress()["remaining"], 0);
  EXPECT_EQ(host.keys.previous, 0);
  expect_all_readable(secrets);
}

TEST_F(Rotation, ItForgetsTheFormerKeyWhereAProcessDiedBeforeThat) {
  rotate();
  host.keys.previous = 1;
  start();
  EXPECT_EQ(host.keys.previous, 0);
  EXPECT_EQ(progress()["key_id"], "key-2");
}

TEST_F(Rotation, AKeyThatTheOperatorBringsIsTakenUpAtTheStart) {
  const auto secrets = make_some(3);
  host.keys.previous = host.keys.current++;
  start();
  EXPECT_EQ(progress()["remaining"], 0);
  EXPECT_EQ(audited("secret.master_rotation_started"), 1);
  EXPECT_EQ(audited("secret.master_rotated"), 1);
  expect_all_readable(secrets);
}

TEST_F(Rotation, WhatCannotBeUnwrappedKeepsTheFormerKey) {
  auto secrets = make_some(3);
  const std::string id = secrets[1]["id"];
  host.db.script("UPDATE secret_keys SET wrapped = 'key-1.nonsense' WHERE secret_id = '" + id + "'");
  const auto blocked = rotate();
  EXPECT_EQ(blocked["state"], "blocked");
  EXPECT_EQ(blocked["remaining"], 1);
  EXPECT_EQ(blocked["unreadable"], Json::array({id}));
  EXPECT_EQ(host.keys.previous, 1);
  EXPECT_EQ(host.remove("/secrets/" + id, admin).status, 204);
  EXPECT_EQ(rotate()["state"], "idle");
  EXPECT_EQ(host.keys.previous, 0);
  EXPECT_EQ(host.keys.current, 2) << "it went on with the key it had made";
  secrets.erase(1);
  expect_all_readable(secrets);
}

TEST_F(Rotation, ADatabaseThatIsAwayForAWhileOnlyDelaysIt) {
  const auto secrets = make_some(3);
  auto asking = host.http.begin("POST", "/secrets/rotate-master", "", admin, {});
  host.db.fail_next_commit(ATRIUM_E_UNAVAILABLE);
  host.settle();
  if (asking.response().status == 503) asking = host.begin("POST", "/secrets/rotate-master", "", admin);
  host.advance(std::chrono::seconds(10));
  EXPECT_EQ(progress()["state"], "idle");
  EXPECT_EQ(host.keys.current, 2);
  expect_all_readable(secrets);
}

TEST_F(Rotation, TransactionsThatRunTwiceChangeNothing) {
  host.db.repeats = true;
  const auto secrets = make_some(4);
  EXPECT_EQ(rotate()["remaining"], 0);
  expect_all_readable(secrets);
}

TEST_F(Rotation, TheCommandShowsItsEnd) {
  make_some(2);
  const auto run = [&](const Json& arguments, const Who& who) {
    auto pending = host.begin_call("command/secrets", "run", {{"arguments", arguments}}, who);
    host.advance(std::chrono::seconds(1));
    return pending.outcome();
  };
  const auto done = run({"rotate-master"}, admin);
  EXPECT_EQ(done.json, (Json{{"exit", 0}}));
  EXPECT_EQ(done.pieces.back()["out"], "The master key is key-2; the former one is gone.\n");
  EXPECT_EQ(Json::parse(run({"rotate-master", "--json"}, admin).pieces.back()["out"].get<std::string>())["state"],
            "idle");
  EXPECT_EQ(run({"rotate-master"}, member).json["status"], 403);
  for (const Json& wrong : {Json::array(), Json{"rotate"}, Json{"rotate-master", "now"}})
    EXPECT_EQ(run(wrong, admin).status, ATRIUM_E_INVALID);
  EXPECT_EQ(host.keys.current, 3);
}

TEST_F(Rotation, SettingsHaveBounds) {
  for (const Json& wrong : {Json(0), Json(1001), Json("many")}) {
    host.settings.configuration = {{"rotation_batch", wrong}};
    plugin.reset();
    EXPECT_THROW(start(), std::runtime_error);
  }
}

}  // namespace
