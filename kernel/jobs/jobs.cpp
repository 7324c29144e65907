#include "jobs/jobs.hpp"

#include "jobs/pool.hpp"
#include "jobs/timer_queue.hpp"
#include "observability/log.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

namespace kernel::jobs {
namespace {

using std::chrono::milliseconds;
using Clock = TimerQueue::Clock;

constexpr milliseconds retry_when_full{20};

// Beyond this a deadline in nanoseconds would overflow.
constexpr milliseconds longest_delay = std::chrono::hours(24 * 365);

milliseconds within_bounds(milliseconds delay) { return std::clamp(delay, milliseconds{0}, longest_delay); }

/// The pool and the clock; timers hold it weakly, so they may outlive their Jobs.
struct Core {
  explicit Core(const Jobs::Options& options)
      : pool(options.threads, options.max_waiting), clock(options.max_waiting) {}

  Pool pool;
  TimerQueue clock;
};

/// A timer's shared half: at most one entry of it is in the clock or the pool at any time.
class Task : public std::enable_shared_from_this<Task> {
 public:
  Task(const std::shared_ptr<Core>& core, std::function<void()> work, milliseconds period)
      : core_(core), work_(std::move(work)), period_(period) {}

  /// False: refused, because the kernel stops or too many timers are armed.
  bool arm(Clock::time_point due) {
    const auto core = core_.lock();
    if (!core) return false;
    std::lock_guard lock(mutex_);
    if (cancelled_) return true;
    due_ = due;
    key_ = core->clock.add(due, [self = shared_from_this()] { self->hand_to_pool(); });
    return key_.has_value();
  }

  void cancel() {
    std::function<void()> released;  // its captures die before cancel() returns, outside of the lock
    {
      std::unique_lock lock(mutex_);
      cancelled_ = true;
      const auto core = core_.lock();
      if (core && key_) core->clock.remove(*key_);
      if (runner_ == std::this_thread::get_id()) return;
      idle_.wait(lock, [this] { return runner_ == std::thread::id{}; });
      released = std::move(work_);
    }
  }

 private:
  void hand_to_pool() {
    const auto core = core_.lock();
    if (!core) return;
    if (core->pool.post([self = shared_from_this()] { self->run(); }) != Pool::Posted::full) return;
    if (!arm(Clock::now() + retry_when_full)) refuse(*core);
  }

  static void refuse(Core& core) {
    core.pool.count_refused();
    observability::log(observability::Level::error, "jobs", "a timer was dropped: the queue and the timers are full");
  }

  void run() {
    {
      std::lock_guard lock(mutex_);
      if (cancelled_) return;
      runner_ = std::this_thread::get_id();
    }
    run_guarded(work_);
    std::function<void()> released;
    bool again = false;
    {
      std::lock_guard lock(mutex_);
      runner_ = {};
      again = period_.count() > 0 && !cancelled_;
      if (!again) released = std::move(work_);
      idle_.notify_all();
    }
    if (again) arm_next();
  }

  void arm_next() {
    const auto now = Clock::now();
    auto next = due_ + period_;
    if (next <= now) next = now + period_;
    if (arm(next)) return;
    if (const auto core = core_.lock()) refuse(*core);
  }

  const std::weak_ptr<Core> core_;
  std::function<void()> work_;
  const milliseconds period_;
  std::mutex mutex_;
  std::condition_variable idle_;
  Clock::time_point due_;
  std::optional<TimerQueue::Key> key_;
  std::thread::id runner_;
  bool cancelled_ = false;
};

class TimerHandle : public Timer {
 public:
  explicit TimerHandle(std::shared_ptr<Task> task) : task_(std::move(task)) {}
  ~TimerHandle() override { task_->cancel(); }

 private:
  std::shared_ptr<Task> task_;
};

}  // namespace

class Jobs::Impl {
 public:
  explicit Impl(const Options& options) : core(std::make_shared<Core>(options)) {}

  std::shared_ptr<Task> start(milliseconds delay, std::function<void()> work, milliseconds period) {
    auto task = std::make_shared<Task>(core, std::move(work), period);
    if (!task->arm(Clock::now() + within_bounds(delay))) {
      core->pool.count_refused();
      observability::log(observability::Level::warning, "jobs", "a timer was refused: stopping, or too many are armed");
    }
    return task;
  }

  std::shared_ptr<Core> core;
};

Jobs::Jobs(Options options) : impl_(std::make_unique<Impl>(options)) {}

Jobs::~Jobs() { stop(); }

bool Jobs::post(std::function<void()> work) { return impl_->core->pool.post(std::move(work)) == Pool::Posted::yes; }

void Jobs::after(milliseconds delay, std::function<void()> work) { impl_->start(delay, std::move(work), {}); }

std::unique_ptr<Timer> Jobs::once(milliseconds delay, std::function<void()> work) {
  return std::make_unique<TimerHandle>(impl_->start(delay, std::move(work), {}));
}

std::unique_ptr<Timer> Jobs::every(milliseconds period, std::function<void()> work) {
  period = std::max(within_bounds(period), milliseconds{1});
  return std::make_unique<TimerHandle>(impl_->start(period, std::move(work), period));
}

void Jobs::stop() {
  impl_->core->clock.stop();
  impl_->core->pool.stop();
}

Jobs::Counters Jobs::counters() const {
  auto counters = impl_->core->pool.counters();
  counters.timers = impl_->core->clock.armed();
  return counters;
}

}  // namespace kernel::jobs
