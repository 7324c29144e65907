// Agents: what they may name, how they start and stop, and what the queue hears of it.
#include <atrium/testing/fake_host.hpp>

#include <gtest/gtest.h>

using namespace atrium::testing;
using atrium::Json;

namespace {

class Agents : public ::testing::Test {
 protected:
  Agents() {
    host.services.provide("llm.provider/rehearsal", [](const atrium::Call&) -> Json { return nullptr; });
    host.services.provide("agent.tool/calculator", [](const atrium::Call&) -> Json { return nullptr; });
  }
  void provide_queue() {
    host.services.provide("tasks/queue", [this](const atrium::Call& call) -> Json {
      told.push_back({std::string(call.method()), call.json()});
      return nullptr;
    });
  }
  Json make(Json members = Json::object()) {
    members.emplace("name", "Ada");
    const auto made = host.post("/agents", members);
    EXPECT_EQ(made.status, 201) << made.body;
    return made.json();
  }
  static std::string path(const Json& agent) { return "/agents/" + agent["id"].get<std::string>(); }
  void set_running(const Json& agent, int running) {
    host.call_in_transaction("agents/directory", "set_running", {{"agent_id", agent["id"]}, {"running", running}});
  }
  FakeHost host{ATRIUM_PLUGIN_SOURCE_DIR};
  LoadedPlugin plugin{host, atrium_plugin_v1()};
  std::vector<std::pair<std::string, Json>> told;  ///< what the queue heard
};

TEST_F(Agents, OneBeginsOfflineAndCautious) {
  const auto agent = make();
  EXPECT_EQ(agent["status"], "offline");
  EXPECT_EQ(agent["autonomy"], "cautious");
  EXPECT_EQ(agent["max_concurrent_tasks"], 1);
  EXPECT_TRUE(agent["llm_provider"].is_null());
}

TEST_F(Agents, WhatIsNotInstalledIsRefusedByName) {
  const auto refused = host.post(
      "/agents", {{"name", "x"}, {"llm_provider", "none"}, {"enabled_tools", {"calculator", "crystal_ball"}}});
  EXPECT_EQ(refused.pointers(), (std::set<std::string>{"/llm_provider", "/enabled_tools/1"}));
  EXPECT_NE(refused.body.find("crystal_ball"), std::string::npos);
}

TEST_F(Agents, WhatWasInstalledWhenItWasNamedMayStay) {
  const auto agent = make({{"llm_provider", "rehearsal"}, {"enabled_tools", {"calculator"}}});
  host.services.withdraw("llm.provider/rehearsal");
  host.services.withdraw("agent.tool/calculator");
  EXPECT_EQ(host.patch(path(agent), {{"description", "still here"}}).status, 200);
  EXPECT_EQ(host.patch(path(agent), {{"enabled_tools", {"calculator", "calculator"}}}).status, 422);
}

TEST_F(Agents, ItsWorkerMustExist) {
  const auto worker = atrium::Id::make().str();
  host.services.provide("workers/directory", [&](const atrium::Call& call) -> Json {
    if (call.json().at("id") != worker) throw atrium::not_found();
    return {{"id", worker}};
  });
  EXPECT_EQ(make({{"worker_id", worker}})["worker_id"], worker);
  EXPECT_EQ(host.post("/agents", {{"name", "x"}, {"worker_id", atrium::Id::make().text()}}).pointers(),
            std::set<std::string>{"/worker_id"});
}

TEST_F(Agents, StartAndStopTellTheQueueAndMayBeRepeated) {
  provide_queue();
  const auto agent = make({{"max_concurrent_tasks", 3}});
  EXPECT_EQ(host.post(path(agent) + "/start").json()["status"], "idle");
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].first, "agent_changed");
  EXPECT_EQ(told[0].second, (Json{{"agent_id", agent["id"]}, {"active", true}, {"worker_id", nullptr}, {"slots", 3}}));
  EXPECT_EQ(host.post(path(agent) + "/start").status, 200);
  EXPECT_EQ(told.size(), 1U);
  EXPECT_EQ(host.post(path(agent) + "/stop").json()["status"], "offline");
  ASSERT_EQ(told.size(), 3U);
  EXPECT_EQ(told[1].second["active"], false);
  EXPECT_EQ(told[2].first, "release_agent");
}

TEST_F(Agents, WithoutAQueueTheyStillStart) { EXPECT_EQ(host.post(path(make()) + "/start").json()["status"], "idle"); }

TEST_F(Agents, BusyIsWhoRunsATask) {
  const auto agent = make();
  host.post(path(agent) + "/start");
  set_running(agent, 1);
  EXPECT_EQ(host.get(path(agent)).json()["status"], "busy");
  EXPECT_EQ(host.events.last("agent.status").json()["running_tasks"], 1);
  set_running(agent, 0);
  EXPECT_EQ(host.get(path(agent)).json()["status"], "idle");
}

TEST_F(Agents, WhoIsOfflineStaysItWhateverRuns) {
  const auto agent = make();
  set_running(agent, 1);
  EXPECT_EQ(host.get(path(agent)).json()["status"], "offline");
  EXPECT_EQ(host.get(path(agent)).json()["running_tasks"], 1);
}

TEST_F(Agents, RemovalCancelsItsTasks) {
  provide_queue();
  const auto agent = make();
  EXPECT_EQ(host.remove(path(agent)).status, 204);
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[0].second["active"], false);
  EXPECT_EQ(told[1].first, "cancel_agent");
  EXPECT_EQ(host.get(path(agent)).status, 404);
  EXPECT_EQ(host.call_in_transaction("agents/directory", "get", {{"id", agent["id"]}}).status, ATRIUM_E_NOT_FOUND);
}

TEST_F(Agents, TheDirectoryKnowsThem) {
  const auto agent = make({{"enabled_tools", {"calculator"}}});
  const auto found = host.call_in_transaction("agents/directory", "get", {{"id", agent["id"]}});
  EXPECT_EQ(found.json["enabled_tools"], Json({"calculator"}));
  EXPECT_EQ(found.json["queue"]["active"], false);
  EXPECT_EQ(host.call("agents/directory", "get", {{"id", "x"}}).status, ATRIUM_E_NOT_FOUND);
  EXPECT_EQ(host.call("agents/directory", "list").json.size(), 1U);
}

TEST_F(Agents, TheyAreFoundByStatusRoleAndWords) {
  make({{"name", "Ada"}, {"role", "researcher"}});
  make({{"name", "Bob"}, {"description", "likes ADA"}});
  EXPECT_EQ(host.get("/agents?role=researcher").json()["total"], 1);
  EXPECT_EQ(host.get("/agents?search=ada").json()["total"], 2);
  EXPECT_EQ(host.get("/agents?status_filter=busy").json()["total"], 0);
  EXPECT_EQ(host.get("/agents?status_filter=sleeping").status, 422);
}

}  // namespace
