// The faces of the extension kinds: what a provider writes and what its consumer calls fit together, and a message may
// gain members.
#include "fake_host.hpp"

#include <atrium/export_source.hpp>
#include <atrium/health_check.hpp>
#include <atrium/llm.hpp>
#include <atrium/notification_channel.hpp>
#include <atrium/scheduled_job.hpp>
#include <atrium/trigger_type.hpp>
#include <atrium/workflow_step.hpp>

#include <gtest/gtest.h>

namespace atrium::testing {
namespace {

struct Folder {
  std::string path, password;
  static constexpr auto members = atrium::members(atrium::member("path", &Folder::path).length(1, 100).required(),
                                                  atrium::member("password", &Folder::password).secret());
};

/// Provides and consumes: the host brings both sides together.
class Both final : public Plugin {
 public:
  void start() override {
    workflow::provide_step<Folder>(*this, "clear", "Clears a folder",
                                   [](workflow::Step<Folder> step) -> Async<workflow::StepAnswer> {
                                     step.progress(50, "half of " + step.config.path);
                                     if (step.request.woken_by) co_return workflow::StepAnswer::done({{"cleared", 3}});
                                     co_return workflow::StepAnswer::wait_for("approval.decided", "a-1", {{"n", 1}});
                                   })
        .on("withdraw", [this](const Call& call) -> Json {
          withdrawn = call.arguments<workflow::StepRequest>().idempotency_key;
          return Json::object();
        });
    trigger::provide_polled<Folder>(*this, "new_file", "A new file", [](const auto& asked) {
      trigger::PollAnswer answer{.occurrences = {}, .cursor = 7, .poll_after_seconds = {}};
      if (!asked.request.cursor.is_null()) answer.occurrences.push_back({"file-8", Time{}, {{"name", "8"}}});
      return answer;
    });
    trigger::provide_pushed<Folder>(
        *this, "upload", "An upload",
        [](const trigger::Asked<trigger::ArmRequest, Folder>& asked) {
          asked.call.transaction().exec("INSERT INTO armed VALUES (?)", asked.request.trigger_id);
          return trigger::ArmAnswer{{{"address", "/uploads/" + asked.config.path}}};
        },
        [](const Transaction& tx, const Id& trigger) { tx.exec("DELETE FROM armed WHERE id = ?", trigger); });
    schedule(*this, "kinds.tidy", std::chrono::hours(6),
             [this](const Call& call) -> Async<void> { return tidy(call); });
    health::provide_check(*this, "space", "Space", [] {
      return health::Report{health::Status::degraded, "little", "make room"};
    });
    notification::provide_channel<Folder>(*this, "drop", "A file",
                                          [](const notification::Sending<Folder>&) -> notification::Receipt {
                                            throw unavailable("The disk is full.").retry_in(std::chrono::seconds(90));
                                          });
  }
  Async<void> tidy(Call call) {
    auto pause = sleep(std::chrono::milliseconds(10), call.cancellation());
    co_await pause;
    throw conflict("Somebody else tidies.");
  }
  /// What an awaited work gives, or the problem it throws.
  template <class T>
  void await(Async<T> work, std::optional<T>& out, std::optional<Problem>& problem) {
    spawn([](Async<T> work, auto& out, auto& problem) -> Async<void> {
      try {
        out = co_await work;
      } catch (const Problem& caught) {
        problem = caught;
      }
    }(std::move(work), out, problem));
  }
  std::string withdrawn;
  using Plugin::services;
  using Plugin::spawn;
  using Plugin::store;
};

class Kinds : public ::testing::Test {
 protected:
  template <class T>
  T await(Async<T> work) {
    std::optional<T> out;
    problem.reset();
    plugin->await(std::move(work), out, problem);
    host.settle();
    return out.value_or(T{});
  }
  workflow::StepRequest step(std::optional<workflow::WakeEvent> event = {}) {
    workflow::StepRequest request{.workflow_id = Id::make(), .run_id = Id::make(), .step_id = Id::make()};
    request.idempotency_key = "run/clear";
    request.config = {{"path", "inbox"}};
    request.woken_by = std::move(event);
    return request;
  }
  FakeHost host;
  PluginUnderTest<Both> plugin{host};
  std::optional<Problem> problem;
};

TEST_F(Kinds, AStepReportsWaitsAndGoesOnWhenItsEventComes) {
  std::vector<std::string> said;
  const auto waiting = await(workflow::run_step(plugin->services(), "clear", step(), {},
                                                [&](const auto& progress) { said.push_back(progress.message); }));
  EXPECT_EQ(said, std::vector<std::string>{"half of inbox"});
  ASSERT_EQ(waiting.outcome, workflow::StepOutcome::waiting);
  EXPECT_EQ(waiting.resume_on->resource_id, "a-1");
  EXPECT_EQ(waiting.state, Json({{"n", 1}}));
  const auto done = await(workflow::run_step(plugin->services(), "clear", step(waiting.resume_on)));
  EXPECT_EQ(done.outcome, workflow::StepOutcome::done);
  EXPECT_EQ(done.result, Json({{"cleared", 3}}));
}

TEST_F(Kinds, AWaitingStepHearsThatItsRunHasEnded) {
  host.call("workflow.step/clear", "withdraw", as_json(step()));
  EXPECT_EQ(plugin->withdrawn, "run/clear");
}

TEST_F(Kinds, AMessageMayGainMembers) {
  auto newer = as_json(step());
  newer["colour"] = "green";
  newer["woken_by"] = {{"topic", "x"}, {"weight", 3}};
  EXPECT_EQ(host.call("workflow.step/clear", "run", newer).json["outcome"], "done");
  newer["config"]["colour"] = "green";
  EXPECT_EQ(host.call("workflow.step/clear", "run", newer).json["errors"][0]["pointer"], "/config/colour")
      << "what a user has written is still read to the letter";
}

TEST_F(Kinds, AConfigurationIsDescribedAndChecked) {
  const auto types = plugin->services().offers<workflow::StepType>(workflow::step_kind);
  ASSERT_EQ(types.size(), 1U);
  EXPECT_EQ(types[0].name, "clear");
  EXPECT_EQ(secret_members(types[0].metadata.configuration), std::vector<std::string>{"password"});
  const auto refused = host.call("workflow.step/clear", "check", {{"config", {{"path", ""}}}});
  EXPECT_EQ(refused.json["errors"][0]["pointer"], "/config/path");
  EXPECT_EQ(host.call("workflow.step/clear", "check", {{"config", {{"path", "inbox"}}}}).status, ATRIUM_OK);
}

TEST_F(Kinds, APolledTriggerBeginsWithNow) {
  trigger::PollRequest request{.trigger_id = Id::make(), .config = {{"path", "inbox"}}};
  const auto first = await(trigger::poll(plugin->services(), "new_file", request));
  EXPECT_TRUE(first.occurrences.empty());
  request.cursor = first.cursor;
  const auto second = await(trigger::poll(plugin->services(), "new_file", request));
  ASSERT_EQ(second.occurrences.size(), 1U);
  EXPECT_EQ(second.occurrences[0].key, "file-8");
}

TEST_F(Kinds, APushedTriggerIsArmedInTheEnginesTransactionAndPublishes) {
  host.db.script("CREATE TABLE armed (id TEXT PRIMARY KEY)");
  const auto id = Id::make();
  const auto answer = plugin->store().transaction({}, [&](Transaction& tx) {
    return trigger::arm(tx, "upload", {.trigger_id = id, .config = {{"path", "inbox"}}});
  });
  EXPECT_EQ(answer.shown["address"], "/uploads/inbox");
  plugin->store().transaction({}, [&](Transaction& tx) {
    trigger::occur(tx, id, {"u-1", Time::now(), Json::object()});
  });
  const auto event = host.events.last("trigger.occurred");
  EXPECT_EQ(event.resource_id, id.text());
  EXPECT_EQ(from_message<trigger::Occurrence>(event.json()).key, "u-1");
  plugin->store().transaction({}, [&](Transaction& tx) { trigger::disarm(tx, "upload", id); });
  EXPECT_EQ(plugin->store().value<std::int64_t>("SELECT count(*) FROM armed"), 0);
}

TEST_F(Kinds, AnUndeliveredNotificationSaysWhenToTryAgain) {
  notification::SendRequest request{.notification_id = Id::make(), .idempotency_key = "n-1"};
  request.config = {{"path", "inbox"}};
  request.title = "Frost";
  await(notification::send(plugin->services(), "drop", request));
  ASSERT_TRUE(problem);
  EXPECT_TRUE(problem->is_temporary());
  EXPECT_EQ(problem->retry_after(), std::chrono::seconds(90));
}

TEST_F(Kinds, AHealthCheckSaysWhatToDo) {
  const auto report = await(health::ask(plugin->services(), "space"));
  EXPECT_EQ(report.status, health::Status::degraded);
  EXPECT_EQ(report.cure, "make room");
}

TEST_F(Kinds, AScheduledJobEndsWithWhatItThrows) {
  EXPECT_EQ(host.services.metadata("scheduled.job/kinds.tidy")["schedule"], "@every 21600s");
  const auto running = host.begin_call("scheduled.job/kinds.tidy", "run");
  EXPECT_FALSE(running.outcome().answered);
  host.advance(std::chrono::milliseconds(10));
  EXPECT_EQ(running.outcome().status, ATRIUM_E_CONFLICT);
}

TEST_F(Kinds, ARowThatDoesNotFitItsColumnsIsNotWritten) {
  host.services.provide("export.source/odd", [](const Call&) -> Json {
    return {{"rows", Json::array({{1, 2}, {1}})}, {"cursor", ""}};
  });
  await(exports::read_page(plugin->services(), "odd", {}, 2));
  ASSERT_TRUE(problem);
  EXPECT_EQ(problem->status, 503);
}

TEST_F(Kinds, AProviderOfLanguageModelsIsAskedByType) {
  host.services.provide("llm.provider/one", [](const Call& call) -> Json {
    call.emit({{"text", "hel"}});
    return {{"content", "hello"}, {"from_the_future", true}};
  });
  std::string text;
  const auto answer = await(llm::chat(plugin->services(), "one", {.messages = {{.role = "user", .content = "hi"}}}, {},
                                      [&](std::string_view piece) { text += piece; }));
  EXPECT_EQ(text, "hel");
  EXPECT_EQ(answer.content, "hello");
}

}  // namespace
}  // namespace atrium::testing
