// Services: calls by name and value, inside a transaction and outside, with pieces, deadlines and cancellation.
#include "fake_host.hpp"

#include <gtest/gtest.h>

namespace atrium::testing {
namespace {

struct Greeting {
  std::string name;
  static constexpr auto members = atrium::members(atrium::member("name", &Greeting::name).length(1, 5).required());
};

class Greeter final : public Plugin {
 public:
  void start() override {
    provide("greeter/main", {{"summary", "says hello"}})
        .on("hello", [](const Call& call) -> Json { return "hello " + call.arguments<Greeting>().name; })
        .on("who",
            [](const Call& call) -> Json { return call.principal() ? std::string(call.principal().id()) : "plugin"; })
        .on("breaks", [](const Call&) -> Json { throw std::runtime_error("a secret detail"); })
        .on("count", [this](Call call) -> Async<Json> { return count(std::move(call)); })
        .on("store", [](const Call& call) -> Json {
          call.transaction().exec("INSERT INTO greeted VALUES (?)", call.arguments<Greeting>().name);
          return call.in_transaction();
        });
    tool<Greeting>("greet", {.summary = "Greet", .risk = Risk::writes},
                   [](const ToolCall& tool, const Greeting& greeting) {
                     return Json(greeting.name + " from " + tool.agent_id + " as " + std::string(tool.agent.kind()));
                   });
  }
  Async<Json> count(Call call) {
    for (int i = 1; i <= 3; ++i) {
      if (!call.emit(i)) throw problem_for(ATRIUM_E_CANCELLED, "nobody waits");
      auto pause = sleep(std::chrono::milliseconds(10), call.cancellation());
      co_await pause;
    }
    co_return "done";
  }
  using Plugin::services;
  using Plugin::spawn;
  using Plugin::store;
};

class ServicesOfAPlugin : public ::testing::Test {
 protected:
  FakeHost host;
  PluginUnderTest<Greeter> plugin{host};
};

TEST_F(ServicesOfAPlugin, AnswerByValue) {
  const auto outcome = host.call("greeter/main", "hello", {{"name", "Ada"}});
  EXPECT_EQ(outcome.status, ATRIUM_OK);
  EXPECT_EQ(outcome.json, "hello Ada");
  EXPECT_EQ(host.services.metadata("greeter/main")["summary"], "says hello");
}

TEST_F(ServicesOfAPlugin, KnowWhoAsks) {
  EXPECT_EQ(host.call("greeter/main", "who", {}, member).json, member.id);
  EXPECT_EQ(host.call("greeter/main", "who").json, "plugin");
}

TEST_F(ServicesOfAPlugin, RefuseWithFaults) {
  const auto outcome = host.call("greeter/main", "hello", {{"name", "too long"}});
  EXPECT_EQ(outcome.status, ATRIUM_E_INVALID);
  EXPECT_EQ(outcome.json["errors"][0]["pointer"], "/name");
  EXPECT_EQ(host.call("greeter/main", "sing").status, ATRIUM_E_NOT_FOUND);
}

TEST_F(ServicesOfAPlugin, DoNotTellWhatWentWrongInside) {
  const auto outcome = host.call("greeter/main", "breaks");
  EXPECT_EQ(outcome.status, ATRIUM_E_INTERNAL);
  EXPECT_EQ(dump(outcome.json).find("secret"), std::string::npos);
  EXPECT_EQ(host.log().back().fields["error"], "a secret detail");
}

TEST_F(ServicesOfAPlugin, StreamPiecesInOrder) {
  const auto pending = host.begin_call("greeter/main", "count");
  EXPECT_EQ(pending.outcome().pieces, std::vector<Json>{1});
  host.advance(std::chrono::milliseconds(30));
  EXPECT_EQ(pending.outcome().pieces, (std::vector<Json>{1, 2, 3}));
  EXPECT_EQ(pending.outcome().json, "done");
  EXPECT_EQ(host.jobs.timers(), 0U) << "the deadline is gone with the answer";
}

TEST_F(ServicesOfAPlugin, NoticeThatNobodyWaits) {
  const auto pending = host.begin_call("greeter/main", "count");
  pending.cancel();
  EXPECT_EQ(pending.outcome().status, ATRIUM_E_CANCELLED);
  EXPECT_EQ(pending.outcome().pieces.size(), 1U);
}

TEST_F(ServicesOfAPlugin, AreGivenUpAtTheDeadline) {
  const auto pending = host.begin_call("greeter/main", "count", {}, nobody, std::chrono::milliseconds(15));
  host.advance(std::chrono::milliseconds(50));
  EXPECT_EQ(pending.outcome().status, ATRIUM_E_TIMEOUT);
  EXPECT_EQ(pending.outcome().pieces.size(), 2U);
}

TEST_F(ServicesOfAPlugin, TakePartInTheCallersTransaction) {
  host.db.script("CREATE TABLE greeted (name TEXT PRIMARY KEY)");
  EXPECT_EQ(host.call_in_transaction("greeter/main", "store", {{"name", "Ada"}}).json, true);
  EXPECT_EQ(host.call_in_transaction("greeter/main", "store", {{"name", "Ada"}}).status, ATRIUM_E_CONFLICT);
  EXPECT_EQ(plugin->store().value<std::int64_t>("SELECT count(*) FROM greeted"), 1);
}

TEST_F(ServicesOfAPlugin, AToolShowsItsParametersAndKnowsItsAgent) {
  const auto metadata = host.services.metadata("agent.tool/greet");
  EXPECT_EQ(metadata["risk"], "writes");
  EXPECT_EQ(metadata["parameters"]["required"], Json({"name"}));
  EXPECT_EQ(metadata["parameters"]["additionalProperties"], false);
  EXPECT_EQ(host.use_tool("greet", {{"name", "Ada"}}, "a1").json, "Ada from a1 as agent");
  EXPECT_EQ(host.use_tool("greet", Json::object()).status, ATRIUM_E_INVALID);
}

// ---- the caller's side ----

TEST_F(ServicesOfAPlugin, ACallerGetsTheProvidersProblemWhole) {
  host.services.provide("other/one", [](const Call&) -> Json { throw invalid("/x", "is bad"); });
  std::optional<Problem> problem;
  plugin->spawn([](Greeter& plugin, auto& problem) -> Async<void> {
    try {
      auto calling = plugin.services().call("other/one", "any", Json::object());
      co_await calling;
    } catch (const Problem& caught) {
      problem = caught;
    }
  }(*plugin, problem));
  host.settle();
  ASSERT_TRUE(problem);
  EXPECT_EQ(problem->status, 422);
  EXPECT_EQ(problem->errors.at(0).pointer, "/x");
}

TEST_F(ServicesOfAPlugin, ACallerThatIsCancelledGetsItsAnswerOnce) {
  std::optional<Call> theirs;
  host.services.provide("other/one", [&](Call call) { theirs.emplace(std::move(call)); });
  const Cancellation cancellation;
  std::vector<int> statuses;
  plugin->spawn([](Greeter& plugin, Cancellation until, auto& statuses) -> Async<void> {
    try {
      auto calling = plugin.services().call("other/one", "any", Json::object(), {.cancellation = until});
      co_await calling;
    } catch (const Problem& problem) {
      statuses.push_back(problem.status);
    }
  }(*plugin, cancellation, statuses));
  host.settle();
  cancellation.request();
  EXPECT_EQ(statuses, std::vector<int>{499});
  EXPECT_TRUE(theirs->cancelled());
  EXPECT_TRUE(theirs->cancellation().requested());
  EXPECT_FALSE(theirs->emit("late"));
  theirs->reply("late");
  EXPECT_EQ(statuses.size(), 1U);
}

TEST_F(ServicesOfAPlugin, WhatNobodyProvidesIsNotFound) {
  std::vector<int> statuses;
  plugin->spawn([](Greeter& plugin, auto& statuses) -> Async<void> {
    try {
      auto calling = plugin.services().call("no/body", "any", Json::object());
      co_await calling;
    } catch (const Problem& problem) {
      statuses.push_back(problem.status);
    }
  }(*plugin, statuses));
  host.settle();
  EXPECT_EQ(statuses, std::vector<int>{404});
  EXPECT_FALSE(plugin->services().has("no/body"));
}

TEST_F(ServicesOfAPlugin, AReferenceToNothingIsAFaultOfTheMember) {
  host.services.provide("things/directory", [](const Call&) -> Json { throw not_found(); });
  const auto id = Id::make();
  try {
    plugin->store().transaction({}, [&](Transaction& tx) { require(tx, "things/directory", id, "/thing_id"); });
    ADD_FAILURE();
  } catch (const Problem& problem) {
    EXPECT_EQ(problem.status, 422);
    EXPECT_EQ(problem.errors.at(0).pointer, "/thing_id");
  }
}

}  // namespace
}  // namespace atrium::testing
