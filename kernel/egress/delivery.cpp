#include "egress/delivery.hpp"

#include "observability/log.hpp"

#include <atrium/abi.h>

#include <thread>

namespace kernel::egress {
namespace {

constexpr std::size_t joined_piece = 16 * 1024;
constexpr int turn = 32;  // events before another job gets the thread

}  // namespace

void Delivery::head(int status, std::map<std::string, std::string> headers) {
  if (at_once_) return deliver(Head{status, std::move(headers)});
  std::lock_guard lock(mutex_);
  events_.push_back(Head{status, std::move(headers)});
  schedule();
}

bool Delivery::data(std::string_view piece) {
  if (at_once_) {
    deliver(std::string(piece));
    return true;
  }
  std::lock_guard lock(mutex_);
  if (abandoned_) return true;
  auto* const last = events_.empty() ? nullptr : std::get_if<std::string>(&events_.back());
  if (last && last->size() + piece.size() <= joined_piece) {
    last->append(piece);
  } else {
    events_.emplace_back(std::string(piece));
  }
  waiting_bytes_ += piece.size();
  schedule();
  paused_ = waiting_bytes_ > high_water;
  return !paused_;
}

void Delivery::done(std::int32_t status, std::string why, bool drop) {
  if (at_once_) return deliver(Done{status, std::move(why)});
  std::lock_guard lock(mutex_);
  if (drop) {
    events_.clear();
    waiting_bytes_ = 0;
  }
  events_.push_back(Done{status, std::move(why)});
  schedule();
}

/// Under the lock.
void Delivery::schedule() {
  if (scheduled_) return;
  scheduled_ = true;
  const auto work = [self = shared_from_this()] { self->run(); };
  if (jobs_.post(work)) return;
  const auto again = [self = shared_from_this()] {
    std::lock_guard lock(self->mutex_);
    self->scheduled_ = false;
    self->schedule();
  };
  if (later_(again)) return;
  std::thread(work).detach();  // both the client and the pool have ended: done() still comes
}

void Delivery::run() {
  std::unique_lock lock(mutex_);
  for (int i = 0; i < turn && !events_.empty(); ++i) {
    auto event = std::move(events_.front());
    events_.pop_front();
    if (const auto* piece = std::get_if<std::string>(&event)) waiting_bytes_ -= piece->size();
    const bool drained = paused_ && waiting_bytes_ <= low_water;
    if (drained) paused_ = false;
    lock.unlock();
    if (drained && on_drained) on_drained();
    deliver(std::move(event));
    lock.lock();
  }
  scheduled_ = false;
  if (!events_.empty()) schedule();
}

void Delivery::deliver(Event event) {
  bool go_on = true;
  try {
    if (auto* head = std::get_if<Head>(&event)) {
      if (handlers_.head) handlers_.head(head->status, std::move(head->headers));
    } else if (const auto* piece = std::get_if<std::string>(&event)) {
      bool skip = false;
      {
        std::lock_guard lock(mutex_);
        skip = abandoned_;
      }
      if (!skip && handlers_.data) go_on = handlers_.data(*piece);
    } else if (const auto* done = std::get_if<Done>(&event)) {
      const auto handlers = std::move(handlers_);  // released when done() returns: they may hold a plugin's things
      handlers_ = {};
      if (handlers.done) handlers.done(done->status, done->why);
    }
  } catch (const std::exception& fault) {
    observability::log(observability::Level::error, "egress",
                       std::string("a handler ended with an exception: ") + fault.what());
    go_on = false;
  }
  if (go_on) return;
  {
    std::lock_guard lock(mutex_);
    abandoned_ = true;
  }
  if (on_abandoned) on_abandoned();
}

}  // namespace kernel::egress
