#include "abi/body_pump.hpp"

#include "abi/request_pool.hpp"

namespace kernel::abi {

BodyPump::BodyPump(std::shared_ptr<HostState> host, std::shared_ptr<http::Exchange> exchange, atrium_request* handle,
                   atrium_body_fn function, void* context)
    : host_(std::move(host)), exchange_(exchange), handle_(handle), function_(function), context_(context) {}

void BodyPump::start() {
  const auto exchange = exchange_.lock();
  if (!exchange) return;
  exchange->read_body([self = shared_from_this()](std::string_view piece, bool last, bool failed) {
    return self->on_piece(piece, last, failed);
  });
}

// The connection is paused from here until the plugin has dealt with the piece, so that they come in order.
bool BodyPump::on_piece(std::string_view piece, bool last, bool failed) {
  {
    const std::lock_guard lock(mutex_);
    if (refused_) return true;  // what nobody wants is thrown away as it comes
    if (failed)
      fail(&failure_, ATRIUM_E_CANCELLED, "the client went before the body was complete, or broke its framing");
    if (delivering_ || paused_) return true;  // a failure: it is told when the plugin asks for more
    delivering_ = true;
  }
  post(std::string(piece), last);
  return last;
}

void BodyPump::post(std::string piece, bool last) {
  if (host_->parts.jobs.post(
          [self = shared_from_this(), piece = std::move(piece), last] { self->deliver(piece, last); }))
    return;
  {
    const std::lock_guard lock(mutex_);
    fail(&failure_, ATRIUM_E_UNAVAILABLE, "the pool's queue is full, so the body was given up");
  }
  deliver({}, true);
}

void BodyPump::deliver(std::string_view piece, bool last) {
  atrium_err failure;
  {
    const std::lock_guard lock(mutex_);
    failure = failure_;
  }
  const bool ends = last || failure.code != 0;
  const auto status = call(piece, ends, failure.code == 0 ? nullptr : &failure);
  {
    const std::lock_guard lock(mutex_);
    delivering_ = false;
    refused_ = ends || status < 0;
    paused_ = !refused_ && status == ATRIUM_PENDING && !std::exchange(resumed_early_, false);
    if (paused_) return;
    delivering_ = !refused_ && failure_.code != 0;  // it failed meanwhile
    if (!delivering_ && ends) return;
  }
  if (delivering_) return deliver({}, true);
  if (const auto exchange = exchange_.lock()) exchange->resume_body();
}

std::int32_t BodyPump::call(std::string_view piece, bool last, const atrium_err* failure) {
  if (RequestPool::instance().find(handle_) == nullptr) return ATRIUM_E_CANCELLED;
  const Inside inside(*host_);
  if (!inside) return ATRIUM_E_CANCELLED;
  return call_plugin(*host_, "a body function",
                     [&] { return function_(context_, text(piece), last ? 1 : 0, failure); });
}

bool BodyPump::resume() {
  {
    const std::lock_guard lock(mutex_);
    if (delivering_) return resumed_early_ = true;
    if (!std::exchange(paused_, false)) return false;
    delivering_ = failure_.code != 0;
    if (!delivering_) {
      if (const auto exchange = exchange_.lock()) exchange->resume_body();
      return true;
    }
  }
  post({}, true);
  return true;
}

}  // namespace kernel::abi
