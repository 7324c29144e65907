// PostgreSQL with several nodes and a server that drops connections.
#include "storage/audit.hpp"
#include "storage/testing/database_fixture.hpp"

#include <atomic>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

namespace kernel::storage {
namespace {

using namespace testing;

class NodesTest : public ::testing::Test {
 protected:
  std::unique_ptr<Database> open_node() const {
    DatabaseOptions options;
    options.url = url_;
    options.audit_key = key_;
    return Database::open(options);
  }

  /// Ends every other session on the database and returns when they are gone.
  static void drop_connections(Database& from) {
    text_of(from,
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()");
    const std::string left =
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()";
    while (number_of(from, left) > 0) std::this_thread::yield();
  }

  static std::int32_t record(Transaction& transaction) {
    transaction.record({"thing.made", "thing", "1", "thing.made", "{}", ""});
    return ATRIUM_OK;
  }

  const std::string url_ = PostgresqlCluster::instance().new_database();
  const std::string key_ = std::string(32, 'k');
};

TEST_F(NodesTest, SequencesHaveNoGapsAndNoneBecomesVisibleLate) {
  constexpr int per_node = 300;
  auto one = open_node();
  auto two = open_node();
  std::atomic<bool> in_order = true;
  std::thread follower([&] {
    auto watching = open_node();
    for (std::int64_t last = 0; last < 2 * per_node;) {
      const Value values[] = {last};
      watching->read("kernel", "SELECT sequence FROM events WHERE sequence > ? ORDER BY sequence", values,
                     [&](Row row) {
                       in_order = in_order && std::stoll(std::string(*row[0])) == last + 1;
                       last = std::stoll(std::string(*row[0]));
                       return true;
                     });
    }
  });
  std::vector<std::thread> nodes;
  for (auto* database : {one.get(), two.get()})
    nodes.emplace_back([database] {
      std::vector<std::future<Answer>> answers;
      for (int i = 0; i < per_node; ++i) {
        answers.push_back(submit(*database, record));
        if (i % 7 == 0) answers.back().wait();
      }
      for (auto& answer : answers) EXPECT_EQ(answer.get().status, ATRIUM_OK);
    });
  for (auto& node : nodes) node.join();
  follower.join();
  EXPECT_TRUE(in_order);
  EXPECT_EQ(number_of(*one, "SELECT count(*) FROM events"), 2 * per_node);
  EXPECT_EQ(number_of(*one, "SELECT max(sequence) FROM audit"), 2 * per_node);
  EXPECT_EQ(verify_audit(*one, key_, {}), std::nullopt);
}

TEST_F(NodesTest, ReadsAndWritesGoOnAfterIdleConnectionsWereDropped) {
  auto database = open_node();
  auto other = open_node();
  database->transact({}, record);
  EXPECT_EQ(number_of(*database, "SELECT count(*) FROM events"), 1);
  drop_connections(*other);
  EXPECT_EQ(number_of(*database, "SELECT count(*) FROM events"), 1);
  EXPECT_EQ(database->transact({}, record), ATRIUM_OK);
  EXPECT_EQ(number_of(*database, "SELECT count(*) FROM events"), 2);
}

TEST_F(NodesTest, ABatchWhoseConnectionIsLostHalfwayIsRunAgainAndCommitsOnce) {
  auto database = open_node();
  auto other = open_node();
  database->migrate("kernel", "things", "CREATE TABLE things (id TEXT)");
  int runs = 0;
  const auto status = database->transact({}, [&](Transaction& t) {
    t.exec("kernel", "INSERT INTO things (id) VALUES ('x')", {});
    if (++runs == 1) drop_connections(*other);
    t.exec("kernel", "INSERT INTO things (id) VALUES ('y')", {});
    return record(t);
  });
  EXPECT_EQ(status, ATRIUM_OK);
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(number_of(*database, "SELECT count(*) FROM things"), 2);
  EXPECT_EQ(number_of(*database, "SELECT count(*) FROM events"), 1);
}

TEST_F(NodesTest, ADeadlockBetweenNodesIsResolvedByRunningAgain) {
  auto one = open_node();
  auto two = open_node();
  one->migrate("kernel", "things",
               "CREATE TABLE things (id TEXT PRIMARY KEY, n BIGINT); INSERT INTO things VALUES ('a', 0), ('b', 0)");
  std::atomic<int> holding = 0;
  const auto cross = [&holding](const char* first, const char* second) {
    return [&holding, first, second, met = std::make_shared<bool>(false)](Transaction& t) {
      const Value one_value[] = {first};
      const Value two_value[] = {second};
      t.exec("kernel", "UPDATE things SET n = n + 1 WHERE id = ?", one_value);
      if (!std::exchange(*met, true)) {
        ++holding;
        while (holding < 2) std::this_thread::yield();
      }
      t.exec("kernel", "UPDATE things SET n = n + 1 WHERE id = ?", two_value);
      return ATRIUM_OK;
    };
  };
  auto left = submit(*one, cross("a", "b"));
  auto right = submit(*two, cross("b", "a"));
  EXPECT_EQ(left.get().status, ATRIUM_OK);
  EXPECT_EQ(right.get().status, ATRIUM_OK);
  EXPECT_EQ(number_of(*one, "SELECT min(n) FROM things"), 2);
  EXPECT_EQ(number_of(*one, "SELECT max(n) FROM things"), 2);
}

TEST(PostgresqlOpen, AServerThatIsNotThereIsUnavailable) {
  DatabaseOptions options;
  options.url = "postgresql://nobody@127.0.0.1:1/none";
  EXPECT_EQ(code_of([&] { Database::open(options); }), ATRIUM_E_UNAVAILABLE);
}

}  // namespace
}  // namespace kernel::storage
