// The log over SQLite and PostgreSQL.
#include "events/log.hpp"

#include "events/follower.hpp"
#include "events/retention.hpp"
#include "storage/testing/postgresql_cluster.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <vector>

#include <unistd.h>

namespace kernel::events {
namespace {

using namespace std::chrono_literals;
constexpr auto patience = 30s;

/// What a subscriber has seen, to be waited for.
class Seen {
 public:
  void add(std::int64_t sequence) {
    {
      const std::scoped_lock lock(mutex_);
      sequences_.push_back(sequence);
    }
    changed_.notify_all();
  }
  std::vector<std::int64_t> wait(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, patience, [&] { return sequences_.size() >= count; });
    return sequences_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::int64_t> sequences_;
};

std::vector<std::int64_t> range(std::int64_t first, std::int64_t last) {
  std::vector<std::int64_t> list;
  for (; first <= last; ++first) list.push_back(first);
  return list;
}

class EventLog : public ::testing::TestWithParam<storage::Dialect> {
 protected:
  EventLog() {
    auto pattern = (std::filesystem::temp_directory_path() / "atrium-events-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
    url_ = GetParam() == storage::Dialect::sqlite ? "sqlite:" + directory_ + "/atrium.db"
                                                  : storage::testing::PostgresqlCluster::instance().new_database();
    database_ = open();
    log_ = std::make_unique<Log>(*database_, jobs_, Log::Options{.keep_events = 1'000, .poll = 20ms});
    log_->start();
  }
  ~EventLog() override {
    log_->stop();
    jobs_.stop();
    log_.reset();
    database_.reset();
    std::filesystem::remove_all(directory_);
  }

  std::unique_ptr<storage::Database> open() {
    return storage::Database::open({.url = url_, .audit_key = std::string(32, 'a')});
  }
  static void publish(storage::Database& database, std::string topic, int count = 1) {
    for (int i = 0; i < count; ++i)
      database.transact({}, [&](storage::Transaction& tx) {
        tx.record(
            {.action = topic, .resource = "thing", .resource_id = "1", .topic = topic, .data = "{}", .owner = {}});
        return ATRIUM_OK;
      });
  }
  std::unique_ptr<Subscription> follow(Seen& seen) {
    return log_->live([&seen](const EventPtr& event) { seen.add(event->sequence); });
  }

  std::string directory_, url_;
  jobs::Jobs jobs_{{.threads = 4, .max_waiting = 10'000}};
  std::unique_ptr<storage::Database> database_;
  std::unique_ptr<Log> log_;
};

TEST_P(EventLog, LiveSubscribersGetEveryEventInOrder) {
  Seen seen;
  const auto subscription = follow(seen);
  publish(*database_, "thing.made", 100);
  EXPECT_EQ(seen.wait(100), range(1, 100));
}

TEST_P(EventLog, NothingComesAfterASubscriptionHasEnded) {
  Seen ended, other;
  auto subscription = follow(ended);
  const auto remaining = follow(other);
  publish(*database_, "thing.made");
  ended.wait(1);
  subscription.reset();
  publish(*database_, "thing.made");
  other.wait(2);
  EXPECT_EQ(ended.wait(1), range(1, 1));
}

TEST_P(EventLog, DurableSubscribersGetWhatMatchesAndGoOnWhereTheyWere) {
  Seen first, second;
  auto subscription =
      log_->durable("reader", "thing.*", [&](const Event& event) { return first.add(event.sequence), true; });
  publish(*database_, "thing.made");
  publish(*database_, "other.made");
  publish(*database_, "thing.made");
  EXPECT_EQ(first.wait(2), (std::vector<std::int64_t>{1, 3}));
  subscription.reset();
  publish(*database_, "thing.made");
  subscription =
      log_->durable("reader", "thing.*", [&](const Event& event) { return second.add(event.sequence), true; });
  publish(*database_, "thing.made");
  const auto seen = second.wait(2);
  ASSERT_GE(seen.size(), 2u);
  EXPECT_EQ(seen.back(), 5);
  EXPECT_EQ(seen[seen.size() - 2], 4);
}

TEST_P(EventLog, ANewDurableSubscriberStartsAtTheEnd) {
  publish(*database_, "thing.made", 3);
  Seen seen;
  const auto subscription =
      log_->durable("late", "*", [&](const Event& event) { return seen.add(event.sequence), true; });
  publish(*database_, "thing.made");
  EXPECT_EQ(seen.wait(1), range(4, 4));
}

TEST_P(EventLog, ARefusedEventComesAgainBeforeTheNext) {
  Seen seen;
  std::atomic<int> refusals{2};
  const auto subscription = log_->durable("picky", "*", [&](const Event& event) {
    seen.add(event.sequence);
    if (event.sequence == 1 && refusals-- > 0) throw std::runtime_error("not now");
    return true;
  });
  publish(*database_, "thing.made", 2);
  EXPECT_EQ(seen.wait(4), (std::vector<std::int64_t>{1, 1, 1, 2}));
}

TEST_P(EventLog, RefusesAMalformedPattern) {
  EXPECT_THROW((void)log_->durable("x", "thing.**", [](const Event&) { return true; }), std::invalid_argument);
}

TEST_P(EventLog, KeepsTheNewestAndWhatADurableCursorNeeds) {
  Reader reader(*database_);
  Retention keep_ten(*database_, reader, 10);
  publish(*database_, "thing.made", 30);
  EXPECT_FALSE(keep_ten.remove_some());
  EXPECT_EQ(log_->oldest(), 21);
  EXPECT_EQ(log_->newest(), 30);
  const auto subscription = log_->durable("stuck", "*", [](const Event&) { return false; });
  publish(*database_, "thing.made", 20);
  keep_ten.remove_some();
  EXPECT_EQ(log_->oldest(), 31);
  publish(*database_, "thing.made", 40);
  keep_ten.remove_some();
  EXPECT_EQ(log_->oldest(), 51) << "four times what is kept is the bound";
  EXPECT_EQ(log_->read_after(88, 10).size(), 2u);
}

INSTANTIATE_TEST_SUITE_P(Databases, EventLog, ::testing::Values(storage::Dialect::sqlite, storage::Dialect::postgresql),
                         [](const auto& info) {
                           return info.param == storage::Dialect::sqlite ? "sqlite" : "postgresql";
                         });

/// Two nodes on one database: PostgreSQL only, because one process at a time opens an SQLite file.
class TwoNodes : public EventLog {};

TEST_P(TwoNodes, LiveSubscribersSeeTheOtherNodesEventsWithoutGaps) {
  const auto other = open();
  Seen seen;
  const auto subscription = follow(seen);
  for (int i = 0; i < 20; ++i) publish(i % 2 == 0 ? *other : *database_, "thing.made");
  publish(*other, "thing.made");
  EXPECT_EQ(seen.wait(21), range(1, 21));
}

TEST_P(TwoNodes, OneNodeAtATimeRunsADurableSubscriber) {
  const auto other = open();
  Log other_log(*other, jobs_, {.keep_events = 1'000, .poll = 20ms});
  other_log.start();
  Seen mine, theirs;
  auto subscription = log_->durable("one", "*", [&](const Event& event) { return mine.add(event.sequence), true; });
  const auto standby =
      other_log.durable("one", "*", [&](const Event& event) { return theirs.add(event.sequence), true; });
  publish(*database_, "thing.made", 5);
  EXPECT_EQ(mine.wait(5), range(1, 5));
  subscription.reset();
  publish(*database_, "thing.made");
  const auto taken_over = theirs.wait(1);
  ASSERT_FALSE(taken_over.empty());
  EXPECT_GE(taken_over.back(), 5);
  other_log.stop();
}

TEST_P(EventLog, AFollowerLoadsAfterEachEventOfItsTopicUntilItEnds) {
  Seen loads, everything;
  const auto all = log_->live([&](const EventPtr& event) { everything.add(event->sequence); });
  std::atomic<int> count = 0;
  const auto load = [&] {
    loads.add(++count);
    if (count == 1) throw std::runtime_error("the next one comes all the same");
  };
  {
    const Follower follower(*log_, jobs_, "test", "things.changed", load);
    publish(*database_, "other.changed");
    publish(*database_, "things.changed");
    EXPECT_EQ(loads.wait(1), range(1, 1));
    publish(*database_, "things.changed");
    EXPECT_EQ(loads.wait(2), range(1, 2));
  }
  publish(*database_, "things.changed");
  EXPECT_EQ(everything.wait(4), range(1, 4));
  EXPECT_EQ(count, 2);
}

INSTANTIATE_TEST_SUITE_P(Databases, TwoNodes, ::testing::Values(storage::Dialect::postgresql));

}  // namespace
}  // namespace kernel::events
