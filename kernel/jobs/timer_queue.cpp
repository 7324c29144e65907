#include "jobs/timer_queue.hpp"

#include <pthread.h>

namespace kernel::jobs {

TimerQueue::TimerQueue(std::size_t max_armed) : max_armed_(max_armed), thread_([this] { serve(); }) {}

TimerQueue::~TimerQueue() { stop(); }

std::optional<TimerQueue::Key> TimerQueue::add(Clock::time_point due, std::function<void()> fire) {
  Key key;
  bool is_first = false;
  {
    std::lock_guard lock(mutex_);
    if (stopped_ || armed_.size() >= max_armed_) return std::nullopt;
    key = {due, next_++};
    const auto added = armed_.emplace(key, std::move(fire)).first;
    is_first = added == armed_.begin();
  }
  if (is_first) changed_.notify_one();
  return key;
}

void TimerQueue::remove(const Key& key) {
  decltype(armed_)::node_type removed;  // dies after the lock: what `fire` captured may be anything
  std::lock_guard lock(mutex_);
  removed = armed_.extract(key);
}

std::size_t TimerQueue::armed() const {
  std::lock_guard lock(mutex_);
  return armed_.size();
}

void TimerQueue::serve() {
  pthread_setname_np(pthread_self(), "atrium-timer");
  std::unique_lock lock(mutex_);
  while (!stopped_) {
    if (armed_.empty()) {
      changed_.wait(lock);
      continue;
    }
    const auto due = armed_.begin()->first.first;
    if (due > Clock::now()) {
      changed_.wait_until(lock, due);
      continue;
    }
    auto first = armed_.extract(armed_.begin());
    lock.unlock();
    first.mapped()();
    first = {};
    lock.lock();
  }
}

void TimerQueue::stop() {
  decltype(armed_) dropped;
  {
    std::lock_guard lock(mutex_);
    stopped_ = true;
    dropped.swap(armed_);
  }
  changed_.notify_all();
  std::lock_guard joining(joining_);
  if (thread_.joinable()) thread_.join();
}

}  // namespace kernel::jobs
