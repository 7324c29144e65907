// The queue: who may move a task where, and what moves along with it.
#include "queue.hpp"

#include <atrium/testing/fake_host.hpp>

#include <gtest/gtest.h>

namespace tasks {
namespace {

using namespace atrium::testing;
using atrium::Json;

TEST(StateMachine, AllowsExactlyTheMovesOfTheContract) {
  using enum Status;
  const std::set<std::pair<Status, Status>> allowed{
      {pending, assigned},     {pending, cancelled},     {assigned, in_progress}, {assigned, pending},
      {assigned, cancelled},   {in_progress, completed}, {in_progress, failed},   {in_progress, review},
      {in_progress, assigned}, {in_progress, cancelled}, {review, in_progress},   {review, cancelled}};
  for (const auto from_name : names_of(Status{}))
    for (const auto to_name : names_of(Status{})) {
      const auto from = *atrium::enum_from<Status>(from_name), to = *atrium::enum_from<Status>(to_name);
      const bool may = from == to || allowed.contains({from, to});
      try {
        require_move(from, to);
        EXPECT_TRUE(may) << from_name << " to " << to_name;
      } catch (const atrium::Problem& problem) {
        EXPECT_FALSE(may) << from_name << " to " << to_name;
        EXPECT_EQ(problem.status, 409);
      }
    }
}

class Tasks : public ::testing::Test {
 protected:
  Tasks() {
    host.services.provide("agents/directory", [this](const atrium::Call& call) -> Json {
      if (call.method() == "list") return Json::array();
      if (call.method() == "set_running") return running = call.json().at("running"), nullptr;
      if (call.json().at("id") != agent) throw atrium::not_found();
      return {{"id", agent},
              {"enabled_tools", {"calculator"}},
              {"queue", {{"agent_id", agent}, {"active", active}, {"worker_id", home}, {"slots", slots}}}};
    });
    host.services.provide("workers/directory", [this](const atrium::Call& call) -> Json {
      if (call.json().at("id") != worker.id) throw atrium::not_found();
      return {{"id", worker.id}};
    });
    plugin.emplace(host, atrium_plugin_v1());
  }
  Json make(Json members = Json::object()) {
    members.emplace("title", "a task");
    members.emplace("agent_id", agent);
    const auto made = host.post("/tasks", members);
    EXPECT_EQ(made.status, 201) << made.body;
    return made.json();
  }
  static std::string path(const Json& task) { return "/tasks/" + task["id"].get<std::string>(); }
  Json now(const Json& task) { return host.get(path(task)).json(); }
  Outcome queue(const std::string& method, const Json& arguments) {
    return host.call_in_transaction("tasks/queue", method, arguments);
  }
  std::vector<std::string> claim(int most = 10, const std::string& lease = "me") {
    std::vector<std::string> titles;
    const auto claimed =
        queue("claim", {{"lease", lease}, {"max", most}, {"worker_id", home.is_null() ? Json("") : home}});
    for (const auto& task : claimed.json) titles.push_back(task["title"]);
    return titles;
  }
  Outcome report(const std::string& method, const Json& task, Json more = Json::object(),
                 const std::string& lease = "me") {
    more["id"] = task["id"];
    more["lease"] = lease;
    return queue(method, more);
  }

  const std::string agent = atrium::Id::make().str();
  const Who worker{"worker", atrium::Id::make().str(), {}}, other_worker{"worker", atrium::Id::make().str(), {}};
  bool active = true;
  Json home = nullptr;  ///< the worker that the agent is on
  int slots = 10, running = 0;
  FakeHost host{ATRIUM_PLUGIN_SOURCE_DIR};
  std::optional<LoadedPlugin> plugin;
};

using Titles = std::vector<std::string>;

TEST_F(Tasks, ATaskIsAssignedWhenItHasAnAgent) {
  EXPECT_EQ(make()["status"], "assigned");
  EXPECT_EQ(host.post("/tasks", {{"title", "x"}}).json()["status"], "pending");
  EXPECT_EQ(host.post("/tasks", {{"title", "x"}, {"agent_id", atrium::Id::make().text()}}).pointers(),
            std::set<std::string>{"/agent_id"});
}

TEST_F(Tasks, WhatIsReportedCannotBeMadeUp) {
  const auto task = make({{"status", "completed"}, {"result", "forged"}, {"cost_usd", 5}, {"progress_percent", 50}});
  EXPECT_EQ(task["status"], "assigned");
  EXPECT_TRUE(task["result"].is_null());
  EXPECT_EQ(task["cost_usd"], 0);
  EXPECT_EQ(task["progress_percent"], 0);
}

TEST_F(Tasks, TheMostUrgentIsClaimedFirst) {
  for (const auto* priority : {"low", "critical", "medium"}) make({{"title", priority}, {"priority", priority}});
  EXPECT_EQ(claim(2), (Titles{"critical", "medium"}));
  EXPECT_EQ(claim(), Titles{"low"});
  EXPECT_EQ(claim(), Titles{});
}

TEST_F(Tasks, AnAgentRunsNoMoreThanItsSlots) {
  slots = 1;
  const auto first = make({{"title", "first"}});
  make({{"title", "second"}});
  EXPECT_EQ(claim(), Titles{"first"});
  EXPECT_EQ(running, 1);
  EXPECT_EQ(claim(), Titles{});
  EXPECT_EQ(report("complete", first, {{"result", "done"}}).status, ATRIUM_OK);
  EXPECT_EQ(running, 0);
  EXPECT_EQ(claim(), Titles{"second"});
}

TEST_F(Tasks, AnAgentThatRestsGetsNothing) {
  active = false;
  make();
  EXPECT_EQ(claim(), Titles{});
  queue("agent_changed", {{"agent_id", agent}, {"active", true}, {"worker_id", nullptr}, {"slots", 1}});
  EXPECT_EQ(claim().size(), 1U);
}

TEST_F(Tasks, AResultIsRecordedOnceAndWithItsUsage) {
  const auto task = make();
  claim();
  report("progress", task, {{"progress_percent", 40}, {"input_tokens", 10}, {"cost_micros", 5}});
  const auto done = report("complete", task, {{"result", "42"}, {"input_tokens", 5}, {"cost_micros", 2}});
  EXPECT_EQ(done.json["status"], "completed");
  EXPECT_EQ(done.json["result"], "42");
  EXPECT_EQ(done.json["input_tokens"], 15);
  EXPECT_EQ(done.json["cost_usd"], 0.000007);
  EXPECT_EQ(done.json["progress_percent"], 100);
  EXPECT_FALSE(done.json["completed_at"].is_null());
  EXPECT_EQ(report("complete", task, {{"result", "43"}}).status, ATRIUM_E_CONFLICT);
  EXPECT_EQ(now(task)["result"], "42");
  EXPECT_EQ(host.events.topics(), (Titles{"task.created", "task.updated", "task.updated", "task.completed"}));
}

TEST_F(Tasks, OnlyWhoHoldsTheLeaseReports) {
  const auto task = make();
  claim();
  EXPECT_EQ(report("complete", task, {{"result", "x"}}, "somebody else").status, ATRIUM_E_CONFLICT);
  EXPECT_EQ(now(task)["status"], "in_progress");
}

TEST_F(Tasks, AFailureThatMayPassIsTriedAgainLater) {
  const auto task = make({{"max_retries", 1}});
  claim();
  report("fail", task, {{"error", "busy"}, {"may_retry", true}});
  EXPECT_EQ(now(task)["status"], "assigned");
  EXPECT_EQ(now(task)["retry_count"], 1);
  EXPECT_EQ(claim(), Titles{}) << "not at once";
  host.db.script("UPDATE tasks SET not_before = 0");
  EXPECT_EQ(claim().size(), 1U);
  report("fail", task, {{"error", "busy"}, {"may_retry", true}});
  EXPECT_EQ(now(task)["status"], "failed");
  EXPECT_EQ(now(task)["error"], "busy");
  EXPECT_EQ(host.events.topics().back(), "task.failed");
}

TEST_F(Tasks, MissingToolsFailATaskByName) {
  const auto task = make({{"required_tools", {"calculator", "crystal_ball"}}});
  EXPECT_EQ(claim(), Titles{});
  EXPECT_EQ(now(task)["status"], "failed");
  EXPECT_EQ(now(task)["error"], "Its agent lacks the tools it requires: crystal_ball");
}

TEST_F(Tasks, TwoClaimersOneWins) {
  const auto task = make();
  const Json claims{{"status", "in_progress"}, {"worker_id", worker.id}};
  EXPECT_EQ(host.patch(path(task), claims).status, 200);
  EXPECT_EQ(host.patch(path(task), claims).status, 409);
}

TEST_F(Tasks, AWorkerClaimsOnlyTasksOfItsAgentsAndForItselfOnly) {
  home = worker.id;
  const auto task = make();
  EXPECT_EQ(host.patch(path(task), {{"status", "in_progress"}, {"worker_id", other_worker.id}}, other_worker).status,
            403);
  EXPECT_EQ(host.patch(path(task), {{"status", "in_progress"}, {"worker_id", other_worker.id}}, worker).status, 403);
  EXPECT_EQ(host.patch(path(task), {{"title", "mine now"}}, worker).status, 403);
  EXPECT_EQ(host.patch(path(task), {{"result", "unasked"}}, worker).status, 403);
  EXPECT_EQ(host.patch(path(task), {{"status", "in_progress"}, {"worker_id", worker.id}}, worker).status, 200);
  EXPECT_EQ(host.patch(path(task), {{"status", "completed"}, {"result", "42"}}, other_worker).status, 409);
  const auto done = host.patch(path(task), {{"status", "completed"}, {"result", "42"}}, worker);
  EXPECT_EQ(done.json()["result"], "42") << done.body;
}

TEST_F(Tasks, ATaskIsAssignedExactlyWhileItHasAnAgent) {
  const auto task = make();
  EXPECT_EQ(host.patch(path(task), {{"status", "pending"}}).status, 409);
  EXPECT_EQ(host.patch(path(task), {{"agent_id", nullptr}}).json()["status"], "pending");
  EXPECT_EQ(host.patch(path(task), {{"status", "assigned"}}).status, 409);
  const auto again = host.patch(path(task), {{"status", "assigned"}, {"agent_id", task["agent_id"]}});
  EXPECT_EQ(again.json()["status"], "assigned") << again.body;
}

TEST_F(Tasks, WhatIsOverStaysAsItIs) {
  const auto task = make();
  EXPECT_EQ(host.post(path(task) + "/cancel").json()["status"], "cancelled");
  EXPECT_EQ(host.post(path(task) + "/cancel").status, 200);
  EXPECT_EQ(host.patch(path(task), {{"status", "assigned"}}).status, 409);
  EXPECT_EQ(host.patch(path(task), {{"agent_id", nullptr}}).status, 409);
  EXPECT_EQ(claim(), Titles{});
}

TEST_F(Tasks, ADeadlineThatPassesFailsTheTask) {
  const auto task = make({{"deadline", "2020-01-01T00:00:00Z"}});
  const auto patient = make({{"deadline", "2999-01-01T00:00:00Z"}});
  host.advance(std::chrono::seconds(1));
  EXPECT_EQ(now(task)["error"], "deadline_exceeded");
  EXPECT_EQ(now(patient)["status"], "assigned");
}

TEST_F(Tasks, ALeaseThatRunsOutFreesTheTask) {
  const auto task = make();
  claim();
  host.db.script("UPDATE tasks SET lease_until = 1");
  host.advance(std::chrono::seconds(1));
  EXPECT_EQ(now(task)["status"], "assigned");
  EXPECT_EQ(now(task)["retry_count"], 0) << "nobody failed";
  EXPECT_EQ(running, 0);
  EXPECT_EQ(report("complete", task, {{"result", "late"}}).status, ATRIUM_E_CONFLICT);
}

TEST_F(Tasks, RemovingAnAgentCancelsItsWork) {
  const auto task = make();
  queue("cancel_agent", {{"agent_id", agent}});
  EXPECT_EQ(now(task)["status"], "cancelled");
}

TEST_F(Tasks, EveryTransactionMayRunTwice) {
  host.db.repeats = true;
  const auto task = make();
  EXPECT_EQ(claim().size(), 1U);
  report("progress", task, {{"input_tokens", 10}});
  EXPECT_EQ(report("complete", task, {{"result", "42"}}).json["input_tokens"], 10);
  EXPECT_EQ(host.events.topics().size(), 4U);
}

TEST_F(Tasks, TheyAreCounted) {
  make({{"priority", "high"}});
  host.post("/tasks", {{"title", "x"}});
  const auto stats = host.get("/tasks/stats").json();
  EXPECT_EQ(stats["total"], 2);
  EXPECT_EQ(stats["by_status"]["assigned"], 1);
  EXPECT_EQ(stats["by_status"]["failed"], 0);
  EXPECT_EQ(stats["by_priority"]["high"], 1);
}

TEST_F(Tasks, AnAgentCreatesTasksBelowItsOwn) {
  const auto parent = make();
  const auto used = host.use_tool("task_create", {{"title", "a part"}}, agent, parent["id"]);
  ASSERT_EQ(used.status, ATRIUM_OK) << used.json;
  EXPECT_EQ(used.json["status"], "pending");
  const auto event = host.events.last("task.created");
  EXPECT_EQ(event.json()["parent_task_id"], parent["id"]);
  EXPECT_EQ(event.actor, "agent:" + agent);
}

TEST_F(Tasks, OthersFindATaskInTheDirectory) {
  const auto task = make();
  EXPECT_EQ(host.call_in_transaction("tasks/directory", "get", {{"id", task["id"]}}).json, task);
  EXPECT_EQ(host.call("tasks/directory", "get", {{"id", task["id"]}}).json, task);
  EXPECT_EQ(host.call("tasks/directory", "get", {{"id", agent}}).status, ATRIUM_E_NOT_FOUND);
  EXPECT_EQ(host.call("tasks/directory", "get").status, ATRIUM_E_NOT_FOUND);
}

}  // namespace
}  // namespace tasks
