#include "auth/hashing_threads.hpp"

#include <sys/resource.h>

#include <atrium/problem.hpp>

#include <algorithm>
#include <utility>

namespace kernel::auth {
namespace {

/// On Linux a thread has a niceness of its own, which the threads it starts (argon2's lanes) inherit.
constexpr int niceness = 10;

}  // namespace

HashingThreads::HashingThreads(Options options) : options_(options) {
  for (int i = 0; i < options_.threads; ++i) threads_.emplace_back([this] { serve(); });
}

HashingThreads::~HashingThreads() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  arrived_.notify_all();
  for (auto& thread : threads_) thread.join();
}

void HashingThreads::run(const std::function<void()>& work) {
  Task task{&work};
  std::unique_lock lock(mutex_);
  if (waiting_.size() >= options_.max_waiting)
    throw atrium::unavailable("Too many people are signing in at this moment; try again in a second.");
  waiting_.push_back(&task);
  arrived_.notify_one();
  const auto begun = [&task] { return task.state != State::waiting; };
  if (!ended_.wait_for(lock, options_.max_wait, begun)) {
    std::erase(waiting_, &task);
    throw atrium::unavailable("Signing in takes too long at this moment; try again in a second.");
  }
  ended_.wait(lock, [&task] { return task.state == State::done; });
  if (task.failure) std::rethrow_exception(task.failure);
}

void HashingThreads::serve() {
  setpriority(PRIO_PROCESS, 0, niceness);
  std::unique_lock lock(mutex_);
  while (true) {
    arrived_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    Task& task = *waiting_.front();
    waiting_.pop_front();
    task.state = State::running;
    lock.unlock();
    try {
      (*task.work)();
    } catch (...) {
      task.failure = std::current_exception();
    }
    lock.lock();
    task.state = State::done;
    ended_.notify_all();
  }
}

}  // namespace kernel::auth
