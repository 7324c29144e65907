#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace kernel::abi {

/// Counts who is inside, and can be closed for good: one atomic addition each way while it is open.
class Gate {
 public:
  /// False: closed, and leave() must not be called.
  bool enter() {
    if ((state_.fetch_add(1, std::memory_order_acquire) & closed) == 0) return true;
    leave();
    return false;
  }
  void leave() {
    if (state_.fetch_sub(1, std::memory_order_acq_rel) != (closed | 1)) return;
    const std::lock_guard lock(mutex_);
    empty_.notify_all();
  }
  void close() { state_.fetch_or(closed, std::memory_order_acq_rel); }
  /// After close(): true once nobody is inside.
  bool wait_empty(std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    return empty_.wait_for(lock, patience, [this] { return (state_.load(std::memory_order_acquire) & ~closed) == 0; });
  }

 private:
  static constexpr std::uint32_t closed = 1U << 31;
  std::atomic<std::uint32_t> state_{0};
  std::mutex mutex_;
  std::condition_variable empty_;
};

}  // namespace kernel::abi
