#include "http/exchange_impl.hpp"

#include "http/http1.hpp"
#include "observability/log.hpp"

#include <functional>
#include <memory>

namespace kernel::http {

ExchangeImpl::ExchangeImpl(std::shared_ptr<PostBox> box, Http1* session, std::size_t high_water)
    : box_(std::move(box)), session_(session), high_water_(high_water) {}

void ExchangeImpl::respond(Reply reply) {
  if (!claim_reply()) {
    if (!cancelled_) observability::log(observability::Level::warning, "http", "a second reply was dropped");
    return;
  }
  if (box_->in_thread()) {  // the hot path: no queue, no copy
    if (session_) session_->reply(*this, std::move(reply));
    return;
  }
  enqueue([this, reply = std::move(reply)](Http1& session) mutable { session.reply(*this, std::move(reply)); });
}

void ExchangeImpl::stream_begin(int status, Headers headers) {
  if (!claim_reply()) return;
  enqueue(
      [this, status, headers = std::move(headers)](Http1& session) { session.begin_stream(*this, status, headers); });
}

bool ExchangeImpl::stream_write(std::string data, std::function<void()> on_writable) {
  const auto bytes = data.size();
  {
    const std::lock_guard lock(mutex_);
    if (over_) return true;
    in_transit_ += bytes;
  }
  enqueue([this, data = std::move(data)](Http1& session) mutable {
    taken(data.size());
    session.write_stream(*this, std::move(data));
  });
  const std::lock_guard lock(mutex_);
  if (over_ || in_transit_ + waiting_ <= high_water_) return true;
  on_writable_ = std::move(on_writable);
  return false;
}

void ExchangeImpl::stream_end() {
  enqueue([this](Http1& session) { session.end_stream(*this); });
}

void ExchangeImpl::stream_abort() {
  enqueue([this](Http1& session) { session.abort_stream(*this); });
}

void ExchangeImpl::read_body(BodySink sink) {
  enqueue([this, sink = std::move(sink)](Http1& session) { session.read_body(*this, sink); });
}

void ExchangeImpl::resume_body() {
  // Always later, never inside the sink that is about to return false.
  box_->post([self = std::static_pointer_cast<ExchangeImpl>(shared_from_this())] {
    if (self->session_) self->session_->resume_body(*self);
  });
}

void ExchangeImpl::on_cancel(std::function<void()> notify) {
  {
    const std::lock_guard lock(mutex_);
    if (!cancelled_) {
      if (!over_) on_cancel_ = std::move(notify);
      return;
    }
  }
  if (!notify) return;
  if (box_->in_thread() || !box_->post(notify)) notify();
}

bool ExchangeImpl::post(std::function<void()> work) { return !cancelled_ && box_->post(std::move(work)); }

void ExchangeImpl::enqueue(std::function<void(Http1&)> step) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    steps_.push_back(std::move(step));
    first = steps_.size() == 1;
  }
  if (box_->in_thread()) return run();
  if (first) box_->post(std::static_pointer_cast<ExchangeImpl>(shared_from_this()));
}

void ExchangeImpl::run() {
  if (running_) return;  // called from one of the steps: the loop below goes on to what was added
  running_ = true;
  const auto self = shared_from_this();
  for (;;) {
    std::vector<std::function<void(Http1&)>> steps;
    {
      const std::lock_guard lock(mutex_);
      steps.swap(steps_);
    }
    if (steps.empty()) break;
    for (auto& step : steps) {
      if (session_) step(*session_);
    }
  }
  running_ = false;
  if (session_) session_->settle();
}

void ExchangeImpl::detach(bool gone) {
  session_ = nullptr;
  if (gone) return cancel();
  std::function<void()> notify, writable;  // whatever they hold goes outside of the lock
  const std::lock_guard lock(mutex_);
  over_ = true;
  notify.swap(on_cancel_);
  writable.swap(on_writable_);
}

std::function<void()> ExchangeImpl::begin_cancel() {
  std::function<void()> notify, writable;
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
    cancelled_ = true;
    notify.swap(on_cancel_);
    writable.swap(on_writable_);
  }
  return [notify = std::move(notify), writable = std::move(writable)] {
    if (notify) notify();
    if (writable) writable();
  };
}

void ExchangeImpl::taken(std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  in_transit_ -= bytes;
  waiting_ += bytes;
}

void ExchangeImpl::flushed(std::size_t waiting) {
  std::function<void()> writable;
  {
    const std::lock_guard lock(mutex_);
    waiting_ = waiting;
    if (in_transit_ + waiting_ <= high_water_ / 2) writable.swap(on_writable_);
  }
  if (writable) writable();
}

}  // namespace kernel::http
