#include "abi/object_pump.hpp"

#include "routing/problem.hpp"

#include <algorithm>

namespace kernel::abi {
namespace {

constexpr std::size_t piece_bytes = 256 * 1024;
constexpr int pieces_in_a_row = 16;  // before another job gets the thread

int status_of(std::int32_t code) {
  return code == ATRIUM_E_NOT_FOUND ? 404 : code == ATRIUM_E_INVALID ? 416 : code == ATRIUM_E_UNAVAILABLE ? 503 : 500;
}

}  // namespace

ObjectPump::ObjectPump(Parts parts, std::shared_ptr<http::Exchange> exchange, Answer answer)
    : parts_(parts), exchange_(std::move(exchange)), answer_(std::move(answer)) {}

void ObjectPump::start() {
  if (!open()) return;
  const auto there = reader_->object_size() - answer_.offset;
  answer_.headers.set("content-length", std::to_string(std::min(answer_.length, there)));
  routing::stream_begin(exchange_, answer_.status, std::move(answer_.headers));
  if (exchange_->head().method == http::Method::head) return exchange_->stream_end();
  buffer_.resize(piece_bytes);
  pump();
}

bool ObjectPump::open() {
  std::int32_t code = ATRIUM_E_INTERNAL;
  std::string why;
  try {
    reader_ = parts_.objects.get(answer_.id, answer_.offset, answer_.length);
    return true;
  } catch (const storage::SqlError& fault) {
    code = fault.code();
    why = fault.what();
  } catch (const std::exception& fault) {
    why = fault.what();
  }
  const auto context = routing::context_of(*exchange_);
  observability::log(observability::Level::error, "objects", "an object cannot be read: " + why,
                     nlohmann::json{{"object", answer_.id}, {"request_id", context->request_id}}.dump());
  routing::respond(exchange_, routing::problem_reply(routing::problem_of_status(status_of(code)),
                                                     exchange_->head().path, context->request_id));
  return false;
}

void ObjectPump::post() {
  if (parts_.jobs.post([self = shared_from_this()] { self->pump(); })) return;
  parts_.jobs.after(std::chrono::milliseconds(20), [self = shared_from_this()] { self->pump(); });
}

void ObjectPump::pump() {
  try {
    for (int i = 0; i < pieces_in_a_row; ++i) {
      if (exchange_->cancelled()) return;
      const auto bytes = reader_->read(buffer_);
      if (bytes == 0) return exchange_->stream_end();
      const bool more =
          exchange_->stream_write(std::string(buffer_.data(), bytes), [self = shared_from_this()] { self->post(); });
      if (!more) return;
    }
    post();
  } catch (const std::exception& fault) {
    observability::log(observability::Level::error, "objects",
                       "an answer was cut off, its object cannot be read on: " + std::string(fault.what()));
    exchange_->stream_abort();
  }
}

}  // namespace kernel::abi
