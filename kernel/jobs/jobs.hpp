#pragma once
// Threads and timers for everybody: one bounded pool, one timer thread.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

namespace kernel::jobs {

/// Ends the timer when destroyed; returns once no call of it runs (unless from within that call).
class Timer {
 public:
  virtual ~Timer() = default;
};

class Jobs {
 public:
  struct Options {
    int threads = 16;
    std::size_t max_waiting = 100'000;  ///< bounds the work that waits for a thread, and apart from it the timers
  };
  explicit Jobs(Options options);
  ~Jobs();
  Jobs(const Jobs&) = delete;
  Jobs& operator=(const Jobs&) = delete;
  /// False when the queue is full or stop() was called. Exceptions that escape `work` are logged.
  bool post(std::function<void()> work);
  /// Fire and forget. Timers whose time has come while the queue is full run later. With too many timers armed the
  /// work is refused, which is logged and counted.
  void after(std::chrono::milliseconds delay, std::function<void()> work);
  [[nodiscard]] std::unique_ptr<Timer> once(std::chrono::milliseconds delay, std::function<void()> work);
  /// Never overlaps itself: a late run is not made up for. The first run comes after one period.
  [[nodiscard]] std::unique_ptr<Timer> every(std::chrono::milliseconds period, std::function<void()> work);
  /// Runs what is queued, then ends the threads; timers that are not due are dropped. Not from a job.
  void stop();
  struct Counters {
    std::uint64_t done, waiting, running, refused, timers;
  };
  Counters counters() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kernel::jobs
