// Coroutines, the meeting of a coroutine with its callback, and cancellation.
#include "fake_host.hpp"

#include <gtest/gtest.h>

namespace atrium::testing {
namespace {

using std::chrono::milliseconds;

/// A plugin that runs the coroutines of a test.
class Scratch final : public Plugin {
 public:
  void start() override {}
  using Plugin::cancellation;
  using Plugin::sleep;
  using Plugin::spawn;
  using Plugin::store;
};

class Coroutines : public ::testing::Test {
 protected:
  FakeHost host;
  std::optional<PluginUnderTest<Scratch>> loaded{std::in_place, host};
  Scratch& plugin = **loaded;
  std::vector<std::string> log;
};

Async<int> seven() { co_return 7; }
Async<int> fails() {
  throw conflict("no");
  co_return 0;
}

TEST_F(Coroutines, AValueComesBackThroughAnyDepth) {
  const auto deeper = [](int depth, auto& self) -> Async<int> {
    if (depth == 0) co_return co_await seven();
    co_return co_await self(depth - 1, self);
  };
  plugin.spawn([](auto& deeper, auto& log) -> Async<void> {
    log.push_back(std::to_string(co_await deeper(50'000, deeper)));  // no stack: one frame on the heap each
  }(deeper, log));
  EXPECT_EQ(log, std::vector<std::string>{"7"});
}

TEST_F(Coroutines, ExceptionsReachTheAwaiterAndAreLoggedAtTheEnd) {
  plugin.spawn([](auto& log) -> Async<void> {
    try {
      co_await fails();
    } catch (const Problem& problem) {
      log.push_back(problem.detail);
    }
    co_await fails();
  }(log));
  EXPECT_EQ(log, std::vector<std::string>{"no"});
  EXPECT_EQ(host.log().back().fields["error"], "no");
}

TEST_F(Coroutines, SleepTakesItsTimeAndNotMore) {
  plugin.spawn([](Scratch& plugin, auto& log) -> Async<void> {
    auto pause = plugin.sleep(milliseconds(100));
    co_await pause;
    log.push_back("awake");
  }(plugin, log));
  host.advance(milliseconds(99));
  EXPECT_TRUE(log.empty());
  host.advance(milliseconds(1));
  EXPECT_EQ(log, std::vector<std::string>{"awake"});
}

TEST_F(Coroutines, ACancelledSleepEndsAtOnceAndLeavesNoTimer) {
  const Cancellation cancellation;
  plugin.spawn([](Scratch& plugin, Cancellation until, auto& log) -> Async<void> {
    auto pause = plugin.sleep(std::chrono::hours(1), until);
    co_await pause;
    log.push_back("awake");
  }(plugin, cancellation, log));
  EXPECT_EQ(host.jobs.timers(), 1U);
  cancellation.request();
  host.settle();
  EXPECT_EQ(log, std::vector<std::string>{"awake"});
  EXPECT_EQ(host.jobs.timers(), 0U);
}

TEST_F(Coroutines, StoppingAPluginCancelsItsWaitingAndWaitsForItsEnd) {
  plugin.spawn([](Scratch& plugin, auto& log) -> Async<void> {
    auto pause = plugin.sleep(std::chrono::hours(1), plugin.cancellation());
    co_await pause;
    log.push_back("ended");
  }(plugin, log));
  loaded.reset();
  EXPECT_EQ(log, std::vector<std::string>{"ended"});
}

TEST_F(Coroutines, ACommitGoesOnAfterItsTransaction) {
  host.db.script("CREATE TABLE t (x TEXT)");
  plugin.spawn([](Scratch& plugin, auto& log) -> Async<void> {
    auto storing = plugin.store().commit({}, [](Transaction& tx) { return tx.exec("INSERT INTO t VALUES (?)", "a"); });
    log.push_back(std::to_string(co_await storing));
    auto failing = plugin.store().commit({}, [](Transaction& tx) {
      tx.exec("INSERT INTO t VALUES ('lost')");
      throw conflict("no");
    });
    try {
      co_await failing;
    } catch (const Problem& problem) {
      log.push_back(problem.detail);
    }
    log.push_back(plugin.store().value<std::string>("SELECT group_concat(x) FROM t").value_or(""));
  }(plugin, log));
  host.settle();
  EXPECT_EQ(log, (std::vector<std::string>{"1", "no", "a"}));
}

TEST_F(Coroutines, ManyMeetTheirCallbacksOnRealThreads) {
  host.db.script("CREATE TABLE t (x BIGINT)");
  host.jobs.start_threads(3);
  constexpr int count = 300;
  for (int i = 0; i < count; ++i)
    plugin.spawn([](Scratch& plugin, int i) -> Async<void> {
      auto storing = plugin.store().commit({}, [i](Transaction& tx) { tx.exec("INSERT INTO t VALUES (?)", i); });
      co_await storing;
    }(plugin, i));
  host.settle();
  host.jobs.stop_threads();
  EXPECT_EQ(plugin.store().value<std::int64_t>("SELECT count(*) FROM t"), count);
}

TEST(Rendezvous, ExactlyTheSecondGoesOn) {
  for (int round = 0; round < 2'000; ++round) {
    Rendezvous meeting;
    std::atomic<int> went_on = 0;
    std::thread other([&] { went_on += meeting.arrive(); });
    went_on += meeting.arrive();
    other.join();
    ASSERT_EQ(went_on, 1);
  }
}

TEST(Cancellations, TellEveryListenerOnce) {
  const Cancellation cancellation;
  int told = 0;
  const auto listener = cancellation.on_request([&] { ++told; });
  cancellation.request();
  cancellation.request();
  EXPECT_EQ(told, 1);
  EXPECT_TRUE(cancellation.requested());
}

TEST(Cancellations, TellWhoComesLateAtOnce) {
  const Cancellation cancellation;
  cancellation.request();
  int told = 0;
  const auto listener = cancellation.on_request([&] { ++told; });
  EXPECT_EQ(told, 1);
}

TEST(Cancellations, DoNotTellWhoHasStoppedListening) {
  const Cancellation cancellation;
  int told = 0;
  {
    const auto listener = cancellation.on_request([&] { ++told; });
  }
  cancellation.request();
  EXPECT_EQ(told, 0);
}

TEST(Cancellations, AListenerMayEndItselfAndOthers) {
  const Cancellation cancellation;
  std::optional<Cancellation::Listener> first, second;
  int told = 0;
  const auto end_both = [&] {
    ++told;
    first.reset();
    second.reset();
  };
  first.emplace(cancellation.on_request(end_both));
  second.emplace(cancellation.on_request(end_both));
  cancellation.request();
  EXPECT_EQ(told, 1) << "a listener that has ended does not run";
}

}  // namespace
}  // namespace atrium::testing
