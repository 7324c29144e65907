#pragma once
// Threads for work that is heavy on purpose: few, and less urgent than all others of the process.
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace kernel::auth {

class HashingThreads {
 public:
  struct Options {
    int threads = 1;
    std::size_t max_waiting = 8;  ///< more are refused: waiting ones hold a pool thread each
    std::chrono::milliseconds max_wait{10'000};
  };
  explicit HashingThreads(Options options);
  ~HashingThreads();
  HashingThreads(const HashingThreads&) = delete;
  HashingThreads& operator=(const HashingThreads&) = delete;

  /// Runs it on one of the threads and waits; throws what it throws, and atrium::Problem 503 with Retry-After where
  /// too many wait already or its turn does not come in time. [pool threads]
  void run(const std::function<void()>& work);

 private:
  enum class State : std::uint8_t { waiting, running, done };
  struct Task {
    const std::function<void()>* work;
    State state = State::waiting;
    std::exception_ptr failure{};
  };
  void serve();

  const Options options_;
  std::mutex mutex_;
  std::condition_variable arrived_, ended_;
  std::deque<Task*> waiting_;  ///< each on the stack of the run() that waits for it
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace kernel::auth
