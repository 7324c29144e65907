#include "jobs/jobs.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <thread>
#include <vector>

namespace kernel::jobs {
namespace {

using namespace std::chrono_literals;
constexpr auto deadline = 20s;

/// Lets a test hold jobs back, and then go.
class Gate {
 public:
  void open() { promise_.set_value(); }
  void wait() const { future_.wait(); }

 private:
  std::promise<void> promise_;
  std::shared_future<void> future_{promise_.get_future()};
};

void wait_for(const std::function<bool()>& condition) {
  const auto until = std::chrono::steady_clock::now() + deadline;
  while (!condition() && std::chrono::steady_clock::now() < until) std::this_thread::yield();
  ASSERT_TRUE(condition());
}

TEST(Jobs, RunsWhatIsPosted) {
  Jobs jobs({.threads = 2});
  std::promise<int> result;
  ASSERT_TRUE(jobs.post([&] { result.set_value(7); }));
  EXPECT_EQ(result.get_future().get(), 7);
}

TEST(Jobs, StopRunsWhatIsQueuedAndRefusesTheRest) {
  Jobs jobs({.threads = 1});
  std::atomic<int> ran = 0;
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(jobs.post([&] { ++ran; }));
  jobs.stop();
  EXPECT_EQ(ran, 1000);
  EXPECT_FALSE(jobs.post([&] { ++ran; }));
  EXPECT_EQ(ran, 1000);
}

TEST(Jobs, RefusesBeyondItsBoundAndCountsIt) {
  Jobs jobs({.threads = 1, .max_waiting = 3});
  Gate gate;
  std::promise<void> started;
  ASSERT_TRUE(jobs.post([&] {
    started.set_value();
    gate.wait();
  }));
  started.get_future().wait();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(jobs.post([] {}));
  EXPECT_FALSE(jobs.post([] {}));
  const auto counters = jobs.counters();
  EXPECT_EQ(counters.waiting, 3u);
  EXPECT_EQ(counters.running, 1u);
  EXPECT_EQ(counters.refused, 1u);
  gate.open();
  jobs.stop();
  EXPECT_EQ(jobs.counters().done, 4u);
}

TEST(Jobs, LogsAnExceptionAndGoesOn) {
  testing::internal::CaptureStderr();
  {
    Jobs jobs({.threads = 1});
    jobs.post([] { throw std::runtime_error("the disk is full"); });
    jobs.post([] { throw 7; });
    jobs.stop();
    EXPECT_EQ(jobs.counters().done, 2u);
  }
  EXPECT_NE(testing::internal::GetCapturedStderr().find("the disk is full"), std::string::npos);
}

TEST(Jobs, AfterRunsOnceInOrderOfTheDelays) {
  Jobs jobs({.threads = 1});
  std::vector<int> order;
  std::promise<void> both;
  jobs.after(60ms, [&] {
    order.push_back(2);
    both.set_value();
  });
  jobs.after(1ms, [&] { order.push_back(1); });
  ASSERT_EQ(both.get_future().wait_for(deadline), std::future_status::ready);
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
}

TEST(Jobs, ACancelledTimerNeverRunsAndReleasesItsWork) {
  Jobs jobs({.threads = 1});
  auto held = std::make_shared<int>(1);
  auto timer = jobs.once(1h, [held] { FAIL(); });
  EXPECT_EQ(jobs.counters().timers, 1u);
  timer.reset();
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_EQ(jobs.counters().timers, 0u);
}

TEST(Jobs, DestroyingATimerWaitsForItsRunningCall) {
  Jobs jobs({.threads = 2});
  Gate gate;
  std::promise<void> started;
  std::atomic<bool> ended = false;
  auto timer = jobs.once(0ms, [&] {
    started.set_value();
    gate.wait();
    ended = true;
  });
  started.get_future().wait();
  auto destroyed = std::async(std::launch::async, [&] {
    timer.reset();
    return ended.load();
  });
  EXPECT_NE(destroyed.wait_for(20ms), std::future_status::ready);
  gate.open();
  EXPECT_TRUE(destroyed.get());
}

TEST(Jobs, ATimerMayEndItself) {
  Jobs jobs({.threads = 2});
  std::unique_ptr<Timer> timer;
  std::atomic<int> runs = 0;
  Gate assigned;
  std::promise<void> ended;
  timer = jobs.every(1ms, [&] {
    assigned.wait();
    ++runs;
    timer.reset();
    ended.set_value();
  });
  assigned.open();
  ASSERT_EQ(ended.get_future().wait_for(deadline), std::future_status::ready);
  jobs.stop();
  EXPECT_EQ(runs, 1);
}

TEST(Jobs, EveryRepeatsWithoutOverlap) {
  Jobs jobs({.threads = 4});
  std::atomic<int> inside = 0, runs = 0;
  std::atomic<bool> overlapped = false;
  auto timer = jobs.every(1ms, [&] {
    if (++inside > 1) overlapped = true;
    std::this_thread::yield();
    --inside;
    ++runs;
  });
  wait_for([&] { return runs >= 20; });
  timer.reset();
  const int after_reset = runs;
  EXPECT_FALSE(overlapped);
  EXPECT_EQ(jobs.counters().timers, 0u);
  jobs.stop();
  EXPECT_EQ(runs, after_reset);
}

TEST(Jobs, ADueTimerWaitsWhileTheQueueIsFull) {
  Jobs jobs({.threads = 1, .max_waiting = 1});
  Gate gate;
  std::promise<void> started, ran;
  jobs.post([&] {
    started.set_value();
    gate.wait();
  });
  started.get_future().wait();
  ASSERT_TRUE(jobs.post([] {}));
  jobs.after(0ms, [&] { ran.set_value(); });
  wait_for([&] { return jobs.counters().refused > 0; });
  gate.open();
  EXPECT_EQ(ran.get_future().wait_for(deadline), std::future_status::ready);
}

TEST(Jobs, TimersAreBounded) {
  testing::internal::CaptureStderr();
  Jobs jobs({.threads = 1, .max_waiting = 2});
  for (int i = 0; i < 3; ++i) jobs.after(1h, [] {});
  EXPECT_EQ(jobs.counters().timers, 2u);
  EXPECT_EQ(jobs.counters().refused, 1u);
  EXPECT_NE(testing::internal::GetCapturedStderr().find("too many"), std::string::npos);
}

TEST(Jobs, StopDropsTimersAndTheirHandlesStaySafe) {
  std::unique_ptr<Timer> timer;
  auto held = std::make_shared<int>(1);
  {
    Jobs jobs({.threads = 1});
    timer = jobs.every(1h, [held] {});
  }
  timer.reset();
  EXPECT_EQ(held.use_count(), 1);
}

TEST(Jobs, ManyThreadsMayPostAndCancelAtOnce) {
  Jobs jobs({.threads = 4});
  std::atomic<int> ran = 0;
  std::vector<std::thread> posters;
  for (int t = 0; t < 4; ++t) {
    posters.emplace_back([&] {
      for (int i = 0; i < 500; ++i) {
        jobs.post([&] { ++ran; });
        auto timer = jobs.once(0ms, [] {});
        auto other = jobs.every(1ms, [] {});
      }
    });
  }
  for (auto& poster : posters) poster.join();
  jobs.stop();
  EXPECT_EQ(ran, 2000);
}

}  // namespace
}  // namespace kernel::jobs
