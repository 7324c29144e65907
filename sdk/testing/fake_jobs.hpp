#pragma once
// Threads and timers of the fake host. Nothing sleeps: posted work runs when the test settles the host, timers when it
// advances the clock.
#include "fake_core.hpp"

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <thread>

namespace atrium::testing {
struct FakeTimerState {
  std::int64_t due_ms = 0, period_ms = 0;
  std::function<void()> work;
  bool running = false, cancelled = false;
  std::thread::id runner;
};
}  // namespace atrium::testing

struct atrium_timer {
  atrium::testing::FakeJobs* jobs;
  std::shared_ptr<atrium::testing::FakeTimerState> state;
};

namespace atrium::testing {

class FakeJobs {
 public:
  using Timer = std::shared_ptr<FakeTimerState>;

  explicit FakeJobs(FakeCore& core) : core_(core) {}
  FakeJobs(const FakeJobs&) = delete;
  ~FakeJobs() { stop_threads(); }

  /// From now on `count` threads run what is posted; without, it runs on the thread that settles, in order.
  void start_threads(int count) {
    for (int i = 0; i < count; ++i)
      threads_.emplace_back([this] {
        while (run_one(true)) {
        }
      });
  }
  void stop_threads() {
    {
      const std::lock_guard lock(core_.mutex);
      stopping_ = true;
    }
    changed_.notify_all();
    for (auto& thread : threads_) thread.join();
    threads_.clear();
    stopping_ = false;
  }

  void post(std::function<void()> work) {
    {
      const std::lock_guard lock(core_.mutex);
      queue_.push_back(std::move(work));
    }
    changed_.notify_all();
  }
  /// Runs what is posted, and what that posts, until nothing is left.
  void settle() {
    if (threads_.empty()) {
      while (run_one(false)) {
      }
      return;
    }
    std::unique_lock lock(core_.mutex);
    changed_.wait(lock, [this] { return queue_.empty() && running_ == 0; });
  }
  /// Moves the clock: everything that falls due on the way runs, in the order of time.
  void advance(std::chrono::milliseconds by) {
    const auto until = now_ms_ + by.count();
    settle();
    while (const auto timer = take_due(until)) {
      run(timer);
      settle();
    }
    now_ms_ = until;
  }
  std::int64_t now_ms() const { return now_ms_; }
  /// Timers that have not run yet or run again.
  std::size_t timers() const {
    const std::lock_guard lock(core_.mutex);
    return timers_.size();
  }
  /// While true, post() of the plugin is refused as by a full pool.
  bool full = false;

  Timer after(std::int64_t delay_ms, std::function<void()> work, std::int64_t period_ms = 0) {
    auto timer = std::make_shared<FakeTimerState>();
    timer->due_ms = now_ms_ + std::max<std::int64_t>(delay_ms, 0);
    timer->period_ms = period_ms;
    timer->work = std::move(work);
    const std::lock_guard lock(core_.mutex);
    timers_.emplace(timer->due_ms, timer);
    return timer;
  }
  void cancel(const Timer& timer) {
    std::unique_lock lock(core_.mutex);
    timer->cancelled = true;
    std::erase_if(timers_, [&](const auto& entry) { return entry.second == timer; });
    if (timer->runner != std::this_thread::get_id()) changed_.wait(lock, [&] { return !timer->running; });
  }

  /// Runs posted work on a thread of its own while `work` runs here, for what waits on this thread.
  template <class F>
  void while_pumping(F&& work) {
    if (!threads_.empty()) return work();
    start_threads(1);
    struct Stop {
      FakeJobs* jobs;
      ~Stop() { jobs->stop_threads(); }
    } stop{this};
    work();
  }

  static const atrium_jobs table;

 private:
  friend struct ::atrium_timer;

  bool run_one(bool wait) {
    std::unique_lock lock(core_.mutex);
    if (wait) changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return false;
    const auto work = std::move(queue_.front());
    queue_.pop_front();
    ++running_;
    lock.unlock();
    work();
    lock.lock();
    --running_;
    lock.unlock();
    changed_.notify_all();
    return true;
  }
  Timer take_due(std::int64_t until) {
    const std::lock_guard lock(core_.mutex);
    if (timers_.empty() || timers_.begin()->first > until) return nullptr;
    auto timer = timers_.begin()->second;
    timers_.erase(timers_.begin());
    now_ms_ = std::max(now_ms_, timer->due_ms);
    timer->running = true;
    timer->runner = std::this_thread::get_id();
    return timer;
  }
  void run(const Timer& timer) {
    timer->work();
    {
      const std::lock_guard lock(core_.mutex);
      timer->running = false;
      timer->runner = {};
      if (timer->period_ms > 0 && !timer->cancelled) {
        timer->due_ms += timer->period_ms;
        timers_.emplace(timer->due_ms, timer);
      }
    }
    changed_.notify_all();
  }

  static std::int32_t start(const atrium_host* host, std::int64_t delay_ms, std::int64_t period_ms, atrium_job_fn work,
                            void* self, atrium_timer** out) {
    auto* jobs = FakeCore::of(host).jobs;
    auto timer = jobs->after(
        delay_ms, [work, self] { work(self); }, period_ms);
    if (out) *out = new atrium_timer{jobs, std::move(timer)};
    return ATRIUM_OK;
  }

  FakeCore& core_;
  std::condition_variable_any changed_;
  std::deque<std::function<void()>> queue_;
  int running_ = 0;
  bool stopping_ = false;
  std::int64_t now_ms_ = 0;
  std::multimap<std::int64_t, Timer> timers_;
  std::vector<std::thread> threads_;
};

inline const atrium_jobs FakeJobs::table{
    sizeof(atrium_jobs),
    0,
    [](const atrium_host* host, atrium_job_fn work, void* self, atrium_err* error) -> std::int32_t {
      auto* jobs = FakeCore::of(host).jobs;
      if (jobs->full) return fail(error, ATRIUM_E_UNAVAILABLE, "the pool's queue is full");
      jobs->post([work, self] { work(self); });
      return ATRIUM_OK;
    },
    [](const atrium_host* host, std::int64_t delay_ms, atrium_job_fn work, void* self, atrium_timer** out,
       atrium_err*) -> std::int32_t { return start(host, delay_ms, 0, work, self, out); },
    [](const atrium_host* host, std::int64_t period_ms, atrium_job_fn work, void* self, atrium_timer** out,
       atrium_err* error) -> std::int32_t {
      if (period_ms <= 0) return fail(error, ATRIUM_E_INVALID, "a period must be above 0");
      return start(host, period_ms, period_ms, work, self, out);
    },
    [](atrium_timer* handle) {
      const std::unique_ptr<atrium_timer> owned(handle);
      handle->jobs->cancel(handle->state);
    }};

}  // namespace atrium::testing
