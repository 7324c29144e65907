#include "schedules/scheduler.hpp"

#include "storage/testing/database_fixture.hpp"

namespace kernel::schedules {
namespace {

using namespace std::chrono_literals;
using atrium::Json;
using atrium::Time;
using storage::Dialect;

/// One kernel's part: what its plugins provide, and its scheduler, whose clock the test moves.
struct Node {
  Node(storage::Database& database, Time& clock)
      : scheduler(database, services, jobs, metrics, {.now = [&clock] { return clock; }}) {}
  ~Node() {
    scheduler.stop();
    jobs.stop();
  }
  /// answer: how a run ends; none: it does not, until it is cancelled.
  void provide(const std::string& schedule, std::optional<std::int32_t> answer = ATRIUM_OK) {
    plugins::Provider provider;
    provider.owner = "a-plugin";
    provider.service = "scheduled.job/sweep";
    provider.metadata = Json{{"schedule", schedule}, {"from_the_future", 1}}.dump();
    provider.holder = this;
    provider.serve = [this, answer](const plugins::CallPtr& call) {
      EXPECT_EQ(call->method(), "run");
      ++runs;
      runs.notify_all();
      if (answer) call->reply(*answer, R"({"message":"so it is"})");
    };
    services.withdraw(this);
    services.provide(std::move(provider));
  }
  /// A tick, and what it began brought to its end.
  void tick_and_end() {
    scheduler.tick();
    scheduler.wait_until_quiet();
  }
  Json entry() { return scheduler.describe().at("items").at(0); }

  jobs::Jobs jobs{{.threads = 2}};
  plugins::Services services{jobs};
  observability::Metrics metrics;
  std::atomic<int> runs = 0;
  Scheduler scheduler;
};

class SchedulerTest : public storage::testing::DatabaseTest {
 protected:
  void SetUp() override {
    DatabaseTest::SetUp();
    database_ = open_database();
  }
  static Time at(const char* text) { return Time::parse(text).value(); }
  std::unique_ptr<storage::Database> database_;
  Time clock_ = at("2026-01-31T08:00:00Z");
};

TEST_P(SchedulerTest, a_job_runs_at_its_time_and_not_before) {
  Node node(*database_, clock_);
  node.provide("0 9 * * *");
  node.tick_and_end();
  EXPECT_EQ(node.runs, 0);
  EXPECT_EQ(node.entry()["next_at"], "2026-01-31T09:00:00.000Z");
  clock_ = at("2026-01-31T09:00:00.500Z");
  node.tick_and_end();
  node.tick_and_end();
  EXPECT_EQ(node.runs, 1);
  EXPECT_EQ(node.entry()["next_at"], "2026-02-01T09:00:00.000Z");
  EXPECT_EQ(node.entry()["started_at"], "2026-01-31T09:00:00.500Z");
  EXPECT_EQ(node.entry()["failure"], nullptr);
  EXPECT_NE(node.metrics.text().find(R"(atrium_scheduled_runs_total{job="sweep",outcome="success"} 1)"),
            std::string::npos);
}

TEST_P(SchedulerTest, what_was_missed_is_made_up_once_after_a_restart) {
  {
    Node node(*database_, clock_);
    node.provide("@every 1h");
    node.tick_and_end();
  }
  clock_ = at("2026-02-03T10:30:00Z");
  Node node(*database_, clock_);
  node.provide("@every 1h");
  for (int i = 0; i < 3; ++i) node.tick_and_end();
  EXPECT_EQ(node.runs, 1);
  EXPECT_EQ(node.entry()["next_at"], "2026-02-03T11:00:00.000Z");
}

TEST_P(SchedulerTest, a_run_that_fails_says_why_and_comes_again_at_its_next_time) {
  Node node(*database_, clock_);
  node.provide("@every 1h", ATRIUM_E_CONFLICT);
  node.tick_and_end();
  clock_ = at("2026-01-31T09:00:00Z");
  node.tick_and_end();
  EXPECT_EQ(node.entry()["failure"], "so it is");
  node.provide("@every 1h");
  node.tick_and_end();
  EXPECT_EQ(node.runs, 1);
  clock_ = at("2026-01-31T10:00:00Z");
  node.tick_and_end();
  EXPECT_EQ(node.runs, 2);
  EXPECT_EQ(node.entry()["failure"], nullptr);
}

TEST_P(SchedulerTest, a_run_is_not_begun_beside_itself_and_is_due_again_when_it_is_broken_off) {
  {
    Node node(*database_, clock_);
    node.provide("@every 1h", std::nullopt);
    node.scheduler.tick();
    clock_ = at("2026-01-31T09:00:00Z");
    node.scheduler.tick();
    node.runs.wait(0);
    clock_ = at("2026-01-31T12:00:00Z");
    node.scheduler.tick();
    EXPECT_EQ(node.entry()["is_running"], true);
    node.scheduler.stop();
    EXPECT_EQ(node.runs, 1);
  }
  Node node(*database_, clock_);
  node.provide("@every 1h");
  node.tick_and_end();
  EXPECT_EQ(node.runs, 1);
}

TEST_P(SchedulerTest, a_changed_schedule_counts_from_now_and_one_that_cannot_be_read_never_runs) {
  Node node(*database_, clock_);
  node.provide("@every 1h");
  node.tick_and_end();
  node.provide("0 20 * * *");
  node.tick_and_end();
  EXPECT_EQ(node.entry()["next_at"], "2026-01-31T20:00:00.000Z");
  node.provide("now and then");
  clock_ = at("2026-02-01T20:00:00Z");
  node.tick_and_end();
  EXPECT_EQ(node.runs, 0);
}

INSTANTIATE_TEST_SUITE_P(Stores, SchedulerTest, ::testing::Values(Dialect::sqlite, Dialect::postgresql),
                         storage::testing::dialect_name);

/// Several nodes need PostgreSQL.
class NodesTest : public SchedulerTest {};

TEST_P(NodesTest, of_two_nodes_one_runs_it) {
  const auto beside = open_database();
  Node first(*database_, clock_), second(*beside, clock_);
  for (auto* node : {&first, &second}) {
    node->provide("@every 1h");
    node->tick_and_end();
  }
  for (int hour = 1; hour <= 5; ++hour) {
    clock_ = clock_ + 1h;
    std::thread other([&] { second.tick_and_end(); });
    first.tick_and_end();
    other.join();
    EXPECT_EQ(first.runs + second.runs, hour);
  }
}

TEST_P(NodesTest, of_two_versions_the_newer_schedule_stays) {
  const auto beside = open_database();
  Node older(*database_, clock_), newer(*beside, clock_);
  older.provide("@every 1h");
  older.tick_and_end();
  newer.provide("@every 2h");
  newer.tick_and_end();
  clock_ = clock_ + 1h;
  older.tick_and_end();
  newer.tick_and_end();
  EXPECT_EQ(older.runs + newer.runs, 0);
  EXPECT_EQ(newer.entry()["schedule"], "@every 2h");
  clock_ = clock_ + 1h;
  newer.tick_and_end();
  EXPECT_EQ(newer.runs, 1);
}

TEST_P(NodesTest, a_run_of_a_node_that_has_died_is_taken_over_when_its_lease_ends) {
  const auto beside = open_database();
  JobTable dead(*beside, "a node that has died");
  Node node(*database_, clock_);
  node.provide("@every 1h");
  node.tick_and_end();
  const auto due = at("2026-01-31T09:00:00Z");
  clock_ = due;
  ASSERT_TRUE(dead.claim("scheduled.job/sweep", due, clock_, clock_ + 60s));
  node.scheduler.tick();
  EXPECT_EQ(node.runs, 0);
  clock_ = due + 61s;
  node.tick_and_end();
  EXPECT_EQ(node.runs, 1);
}

INSTANTIATE_TEST_SUITE_P(Stores, NodesTest, ::testing::Values(Dialect::postgresql), storage::testing::dialect_name);

}  // namespace
}  // namespace kernel::schedules
