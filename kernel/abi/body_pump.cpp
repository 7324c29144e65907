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

bool BodyPump::on_piece(std::string_view piece, bool last, bool failed) {
  if (state_ == State::refused) return true;  // what nobody wants is thrown away as it comes
  atrium_err failure{};
  if (failed) fail(&failure, ATRIUM_E_CANCELLED, "the client went before the body was complete, or broke its framing");
  // The connection is paused from here until the plugin has dealt with the piece, so that they come in order.
  const bool queued = host_->parts.jobs.post([self = shared_from_this(), copy = std::string(piece), last, failure] {
    self->deliver(copy, last, failure.code == 0 ? nullptr : &failure);
  });
  if (queued) return last;
  fail(&failure, ATRIUM_E_UNAVAILABLE, "the pool's queue is full, so the body was given up");
  deliver({}, true, &failure);
  state_ = State::refused;
  return true;
}

void BodyPump::deliver(const std::string& piece, bool last, const atrium_err* failure) {
  state_ = State::delivering;
  std::int32_t status = ATRIUM_E_CANCELLED;
  if (RequestPool::instance().find(handle_) != nullptr) {
    const Inside inside(*host_);
    if (inside) {
      status = call_plugin(*host_, "a body function",
                           [&] { return function_(context_, text(piece), last ? 1 : 0, failure); });
    }
  }
  if (last) return;
  State expected = State::delivering;
  if (status == ATRIUM_PENDING && state_.compare_exchange_strong(expected, State::paused)) return;
  state_ = status < 0 ? State::refused : State::flowing;
  if (const auto exchange = exchange_.lock()) exchange->resume_body();
}

bool BodyPump::resume() {
  State expected = State::delivering;  // it may come before the function has returned ATRIUM_PENDING
  if (state_.compare_exchange_strong(expected, State::resumed_early)) return true;
  expected = State::paused;
  if (!state_.compare_exchange_strong(expected, State::flowing)) return false;
  if (const auto exchange = exchange_.lock()) exchange->resume_body();
  return true;
}

}  // namespace kernel::abi
