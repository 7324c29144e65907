// What transactions that share a commit owe one another and their callers.
#include "storage/testing/database_fixture.hpp"

#include <atomic>
#include <vector>

namespace kernel::storage {
namespace {

using namespace testing;

class WriterTest : public DatabaseTest {};
ATRIUM_ON_BOTH_DIALECTS(WriterTest);

TEST_P(WriterTest, CommitsAndReturnsWhatTheFunctionReturned) {
  auto database = open_with_items();
  EXPECT_EQ(database->transact({}, [](Transaction& t) { return insert_item(t, "a"), ATRIUM_OK; }), ATRIUM_OK);
  EXPECT_EQ(database->transact({}, [](Transaction& t) { return insert_item(t, "b"), ATRIUM_E_NOT_FOUND; }),
            ATRIUM_E_NOT_FOUND);
  EXPECT_EQ(text_of(*database, "SELECT id FROM items"), "a");
  EXPECT_EQ(number_of(*database, "SELECT count(*) FROM items"), 1);
}

TEST_P(WriterTest, OneFailingMemberHarmsNoNeighbour) {
  auto database = open_with_items();
  database->transact({}, [](Transaction& t) { return insert_item(t, "taken"), ATRIUM_OK; });
  Gate gate(*database);
  auto first = submit(*database, [](Transaction& t) { return insert_item(t, "first"), ATRIUM_OK; });
  auto returns = submit(*database, [](Transaction& t) { return insert_item(t, "returns"), ATRIUM_E_DENIED; });
  auto conflicts = submit(*database, [](Transaction& t) {
    insert_item(t, "changed before the conflict");
    insert_item(t, "taken");
    return ATRIUM_OK;
  });
  auto throws = submit(*database, [](Transaction& t) -> std::int32_t {
    insert_item(t, "throws");
    throw std::runtime_error("a fault");
  });
  auto last = submit(*database, [](Transaction& t) { return insert_item(t, "last"), ATRIUM_OK; });
  gate.open();
  EXPECT_EQ(first.get().status, ATRIUM_OK);
  EXPECT_EQ(returns.get().status, ATRIUM_E_DENIED);
  EXPECT_EQ(conflicts.get().status, ATRIUM_E_CONFLICT);
  const auto thrown = throws.get();
  EXPECT_EQ(thrown.status, ATRIUM_E_INTERNAL);
  EXPECT_EQ(thrown.why, "a fault");
  EXPECT_EQ(last.get().status, ATRIUM_OK);
  EXPECT_EQ(number_of(*database, "SELECT count(*) FROM items"), 3);
  EXPECT_EQ(number_of(*database, "SELECT count(*) FROM items WHERE id IN ('taken', 'first', 'last')"), 3);
}

TEST_P(WriterTest, ANeighbourRunAgainTakesEffectOnce) {
  auto database = open_with_items();
  int runs = 0;
  int hooks = 0;
  Gate gate(*database);
  auto good = submit(*database, [&](Transaction& t) {
    ++runs;
    insert_item(t, "good");
    record_item(t, "good");
    t.after_commit([&] { ++hooks; });
    return ATRIUM_OK;
  });
  auto bad = submit(*database, [](Transaction& t) { return insert_item(t, "bad"), ATRIUM_E_CONFLICT; });
  gate.open();
  EXPECT_EQ(good.get().status, ATRIUM_OK);
  EXPECT_EQ(bad.get().status, ATRIUM_E_CONFLICT);
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(hooks, 1);
  EXPECT_EQ(number_of(*database, "SELECT count(*) FROM items"), 1);
  EXPECT_EQ(number_of(*database, "SELECT count(*) FROM events"), 1);
  EXPECT_EQ(number_of(*database, "SELECT count(*) FROM audit"), 1);
}

TEST_P(WriterTest, ARolledBackChangeLeavesNoEventNoAuditRowAndNoHook) {
  auto database = open_with_items();
  std::atomic<int> events = 0;
  database->on_events = [&](std::vector<EventPtr> list) { events += static_cast<int>(list.size()); };
  bool hook = false;
  Gate gate(*database);
  auto bad = submit(*database, [&](Transaction& t) {
    insert_item(t, "bad");
    record_item(t, "bad");
    t.after_commit([&] { hook = true; });
    return ATRIUM_E_INVALID;
  });
  auto good = submit(*database, [](Transaction& t) { return insert_item(t, "good"), ATRIUM_OK; });
  gate.open();
  bad.wait();
  good.wait();
  EXPECT_FALSE(hook);
  EXPECT_EQ(events, 0);
  EXPECT_EQ(number_of(*database, "SELECT count(*) FROM events"), 0);
  EXPECT_EQ(number_of(*database, "SELECT count(*) FROM audit"), 0);
}

TEST_P(WriterTest, AFunctionThatSwallowsAFailedStatementCannotCommit) {
  auto database = open_with_items();
  database->transact({}, [](Transaction& t) { return insert_item(t, "taken"), ATRIUM_OK; });
  const auto code = code_of([&] {
    database->transact({}, [](Transaction& t) {
      insert_item(t, "before");
      try {
        insert_item(t, "taken");
      } catch (const SqlError&) {
      }
      return ATRIUM_OK;
    });
  });
  EXPECT_EQ(code, ATRIUM_E_CONFLICT);
  EXPECT_EQ(number_of(*database, "SELECT count(*) FROM items"), 1);
}

TEST_P(WriterTest, EventsHooksAndAnswersComeInThisOrderAfterTheCommit) {
  auto database = open_with_items();
  std::vector<std::string> order;
  database->on_events = [&](std::vector<EventPtr> list) {
    order.push_back("events " + list.at(0)->resource_id + " by " + list.at(0)->actor);
    EXPECT_EQ(number_of(*database, "SELECT count(*) FROM items"), 1);
  };
  std::promise<void> answered;
  database->submit(
      {"user", "u1", "", ""},
      [&](Transaction& t) {
        insert_item(t, "a");
        record_item(t, "a");
        t.after_commit([&] { order.emplace_back("hook"); });
        return ATRIUM_OK;
      },
      30s,
      [&](std::int32_t, const std::string&) {
        order.emplace_back("answer");
        answered.set_value();
      });
  answered.get_future().wait();
  EXPECT_EQ(order, (std::vector<std::string>{"events a by user:u1", "hook", "answer"}));
}

TEST_P(WriterTest, ADeadlineThatPassesInTheQueueRunsNothing) {
  auto database = open_with_items();
  Gate gate(*database);
  bool ran = false;
  auto late = submit(
      *database, [&](Transaction&) { return ran = true, ATRIUM_OK; }, -1ms);
  gate.open();
  EXPECT_EQ(late.get().status, ATRIUM_E_TIMEOUT);
  EXPECT_FALSE(ran);
}

TEST_P(WriterTest, AFullQueueRefusesAtOnceAndServesWhatItTook) {
  auto database = open_with_items([](DatabaseOptions& options) { options.max_waiting_writes = 2; });
  Gate gate(*database);
  auto one = submit(*database, [](Transaction& t) { return insert_item(t, "1"), ATRIUM_OK; });
  auto two = submit(*database, [](Transaction& t) { return insert_item(t, "2"), ATRIUM_OK; });
  auto refused = submit(*database, [](Transaction& t) { return insert_item(t, "3"), ATRIUM_OK; });
  ASSERT_EQ(refused.wait_for(0s), std::future_status::ready);
  EXPECT_EQ(refused.get().status, ATRIUM_E_UNAVAILABLE);
  gate.open();
  EXPECT_EQ(one.get().status, ATRIUM_OK);
  EXPECT_EQ(two.get().status, ATRIUM_OK);
}

TEST_P(WriterTest, AStatementThatRunsTooLongIsStoppedAndItsNeighboursCommit) {
  auto database = open_with_items([](DatabaseOptions& options) { options.transaction_limit = 500ms; });
  Gate gate(*database);
  auto endless = submit(*database, [](Transaction& t) {
    insert_item(t, "endless");
    t.exec("kernel", "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 0 FROM n) SELECT count(*) FROM n", {});
    return ATRIUM_OK;
  });
  auto good = submit(*database, [](Transaction& t) { return insert_item(t, "good"), ATRIUM_OK; });
  gate.open();
  EXPECT_EQ(endless.get().status, ATRIUM_E_TIMEOUT);
  EXPECT_EQ(good.get().status, ATRIUM_OK);
  EXPECT_EQ(text_of(*database, "SELECT id FROM items"), "good");
}

TEST_P(WriterTest, TransactOnTheCommittingThreadIsRefusedInsteadOfWaitingForItself) {
  auto database = open_with_items();
  auto answer = submit(*database, [&](Transaction&) {
    return code_of([&] { database->transact({}, [](Transaction&) { return ATRIUM_OK; }); });
  });
  EXPECT_EQ(answer.get().status, ATRIUM_E_INTERNAL);
}

TEST_P(WriterTest, ClosingRunsWhatWasTaken) {
  auto database = open_with_items();
  std::vector<std::future<Answer>> answers;
  for (int i = 0; i < 100; ++i)
    answers.push_back(submit(*database, [i](Transaction& t) { return insert_item(t, std::to_string(i)), ATRIUM_OK; }));
  database.reset();
  for (auto& answer : answers) EXPECT_EQ(answer.get().status, ATRIUM_OK);
  EXPECT_EQ(number_of(*open_database(), "SELECT count(*) FROM items"), 100);
}

TEST_P(WriterTest, ARefusalAtTheCommitItselfHitsOnlyItsCause) {
  auto database = open_database();
  database->migrate("kernel", "family",
                    "CREATE TABLE parents (id TEXT PRIMARY KEY);"
                    "CREATE TABLE children (id TEXT PRIMARY KEY, parent TEXT NOT NULL"
                    " REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED)");
  Gate gate(*database);
  auto orphan = submit(*database, [](Transaction& t) {
    t.exec("kernel", "INSERT INTO children (id, parent) VALUES ('c', 'nobody')", {});
    return ATRIUM_OK;
  });
  auto parent = submit(*database, [](Transaction& t) {
    t.exec("kernel", "INSERT INTO parents (id) VALUES ('p')", {});
    return ATRIUM_OK;
  });
  gate.open();
  EXPECT_EQ(orphan.get().status, ATRIUM_E_CONFLICT);
  EXPECT_EQ(parent.get().status, ATRIUM_OK);
  EXPECT_EQ(number_of(*database, "SELECT count(*) FROM children"), 0);
  EXPECT_EQ(number_of(*database, "SELECT count(*) FROM parents"), 1);
}

}  // namespace
}  // namespace kernel::storage
