#pragma once
// The one thread that writes: takes all waiting transactions into one commit and answers them after it.
#include "storage/batch.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace kernel::storage {

class Writer {
 public:
  struct Options {
    std::function<std::unique_ptr<Session>()> open;
    std::size_t max_waiting = 10'000;
    std::size_t max_batch = 512;
    Clock::duration transaction_limit = std::chrono::seconds(10);
  };
  using EventsFn = std::function<void(std::vector<EventPtr>)>;

  /// Opens the first session at once, so that a database that cannot be used is known before anything starts.
  Writer(Options options, Journal journal, const EventsFn& on_events);
  /// Runs what is queued, then ends.
  ~Writer();

  /// A full queue is answered at once, on the caller's thread.
  void submit(Submission submission);
  /// Runs `work` alone, between batches, and waits for it; what it throws is thrown here.
  void alone(std::function<void(Session&)> work);
  bool on_this_thread() const { return std::this_thread::get_id() == thread_.get_id(); }

  std::size_t waiting() const;
  std::uint64_t commits() const { return commits_; }
  std::uint64_t writes() const { return writes_; }
  std::uint64_t rollbacks() const { return rollbacks_; }

 private:
  void loop();
  Members take();
  void process(Members members);
  void commit(std::span<const std::unique_ptr<Member>> members);
  bool recover(const TryAgain& error, int attempt);
  Session& session();

  const Options options_;
  Journal journal_;
  const EventsFn& on_events_;
  std::unique_ptr<Session> session_;  ///< of the thread; empty after a lost connection

  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<Submission> queue_;
  std::deque<std::packaged_task<void()>> alone_;
  std::atomic<bool> stopping_ = false;
  std::atomic<std::uint64_t> commits_ = 0, writes_ = 0, rollbacks_ = 0;
  std::thread thread_;
};

}  // namespace kernel::storage
