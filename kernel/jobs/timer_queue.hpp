#pragma once
// What is to happen when: an ordered queue and the one thread that waits for its head.
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace kernel::jobs {

class TimerQueue {
 public:
  using Clock = std::chrono::steady_clock;
  using Key = std::pair<Clock::time_point, std::uint64_t>;

  explicit TimerQueue(std::size_t max_armed);
  ~TimerQueue();
  /// `fire` runs on the timer thread and must not wait. Nothing: stopped, or too many are armed.
  std::optional<Key> add(Clock::time_point due, std::function<void()> fire);
  /// What this removed can no longer fire; a call that has begun goes on.
  void remove(const Key& key);
  std::size_t armed() const;
  void stop();

 private:
  void serve();

  const std::size_t max_armed_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<Key, std::function<void()>> armed_;
  std::uint64_t next_ = 0;
  bool stopped_ = false;
  std::mutex joining_;
  std::thread thread_;
};

}  // namespace kernel::jobs
