#pragma once
// Threads that take work from one bounded queue.
#include "jobs/jobs.hpp"

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace kernel::jobs {

/// Runs `work` and logs an exception that escapes it.
void run_guarded(const std::function<void()>& work);

class Pool {
 public:
  enum class Posted : std::uint8_t { yes, full, stopped };

  Pool(int threads, std::size_t max_waiting);
  ~Pool();
  Posted post(std::function<void()> work);
  void count_refused();
  /// Runs what is queued and joins. Safe to call twice, and from several threads.
  void stop();
  Jobs::Counters counters() const;

 private:
  void serve();

  const std::size_t max_waiting_;
  mutable std::mutex mutex_;
  std::condition_variable work_or_stop_;
  std::deque<std::function<void()>> queue_;
  std::size_t idle_ = 0;
  bool stopped_ = false;
  std::uint64_t done_ = 0, running_ = 0, refused_ = 0;
  std::mutex joining_;
  std::vector<std::thread> threads_;
};

}  // namespace kernel::jobs
