#include "jobs/pool.hpp"

#include "observability/log.hpp"

#include <pthread.h>

#include <algorithm>

namespace kernel::jobs {

using observability::Level;

void run_guarded(const std::function<void()>& work) {
  try {
    work();
  } catch (const std::exception& fault) {
    observability::log(Level::error, "jobs", std::string("a job ended with an exception: ") + fault.what());
  } catch (...) {
    observability::log(Level::error, "jobs", "a job ended with an exception that is no std::exception");
  }
}

Pool::Pool(int threads, std::size_t max_waiting) : max_waiting_(max_waiting) {
  threads_.reserve(static_cast<std::size_t>(std::max(threads, 1)));
  for (int i = 0; i < std::max(threads, 1); ++i) threads_.emplace_back([this] { serve(); });
}

Pool::~Pool() { stop(); }

Pool::Posted Pool::post(std::function<void()> work) {
  bool wake = false;
  {
    std::lock_guard lock(mutex_);
    if (stopped_ || queue_.size() >= max_waiting_) {
      ++refused_;
      return stopped_ ? Posted::stopped : Posted::full;
    }
    queue_.push_back(std::move(work));
    wake = idle_ > 0;
  }
  if (wake) work_or_stop_.notify_one();
  return Posted::yes;
}

void Pool::count_refused() {
  std::lock_guard lock(mutex_);
  ++refused_;
}

void Pool::serve() {
  pthread_setname_np(pthread_self(), "atrium-job");
  std::unique_lock lock(mutex_);
  while (true) {
    if (queue_.empty()) {
      if (stopped_) return;
      ++idle_;
      work_or_stop_.wait(lock);
      --idle_;
      continue;
    }
    auto work = std::move(queue_.front());
    queue_.pop_front();
    ++running_;
    lock.unlock();
    run_guarded(work);
    work = nullptr;  // what it captured must not die under the lock
    lock.lock();
    --running_;
    ++done_;
  }
}

void Pool::stop() {
  {
    std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  work_or_stop_.notify_all();
  std::lock_guard joining(joining_);
  for (auto& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

Jobs::Counters Pool::counters() const {
  std::lock_guard lock(mutex_);
  return {.done = done_, .waiting = queue_.size(), .running = running_, .refused = refused_, .timers = 0};
}

}  // namespace kernel::jobs
