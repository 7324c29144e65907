// The reply's side of Http1.
#include "http/http1.hpp"
#include "http/reply_text.hpp"

#include <charconv>

namespace kernel::http {
namespace {

constexpr std::size_t worth_moving = 16 * 1024;  // larger bodies are handed over, smaller ones copied behind the head

}  // namespace

void Http1::refuse(Fault fault) {
  if (fault.status != 503 && fault.status != 408) ++server().counters.parse_faults;
  wait_ = Wait::nothing;
  close_after_ = true;
  if (!exchange_) {
    auto answer = server().dispatcher->refusal(fault.status, fault.detail, nullptr);
    ReplyFraming framing{
        .date = connection_.loop().date(), .close = true, .with_length = true, .length = answer.body.size()};
    std::string head;
    append_head(head, answer.status, answer.headers, framing);
    connection_.out().append(head);
    connection_.out().push(std::move(answer.body));
    return connection_.close_gently();
  }
  const auto exchange = exchange_;
  if (reply_ == ReplyState::none && exchange->claim_reply()) {
    reply(*exchange, server().dispatcher->refusal(fault.status, fault.detail, &exchange->head()));
  } else if (reply_ == ReplyState::streaming) {
    connection_.abort();  // cut off: the client must not take what it has for the whole
  }
}

void Http1::refuse_full() { refuse({503, "The server has as many connections as it can take; try again later."}); }

void Http1::reply(ExchangeImpl& exchange, Reply&& answer) {
  if (!is_current(exchange) || reply_ != ReplyState::none) return;
  const auto keep = exchange_;
  if (body_ != BodyState::done) close_after_ = true;  // what is left of the body is not worth reading
  reply_ = ReplyState::done;
  wait_ = Wait::nothing;
  send(answer.status, answer.headers, std::move(answer.body));
  server().dispatcher->on_replied(*keep, answer.status, reply_bytes_);
  finish_reply();
}

void Http1::send(int status, const Headers& headers, std::string&& body) {
  const bool body_allowed = status_allows_body(status);
  ReplyFraming framing{.date = connection_.loop().date(),
                       .http_1_0 = extras_.http_1_0,
                       .close = close_after_ || server().draining,
                       .with_length = body_allowed,
                       .length = body.size()};
  if (is_head() && body.empty()) {  // a handler that knows the length without making the body
    const auto announced = headers.get("content-length");
    std::from_chars(announced.data(), announced.data() + announced.size(), framing.length);
  }
  close_after_ = framing.close;
  auto& out = connection_.out();
  auto& tail = out.tail();
  const auto before = tail.size();
  append_head(tail, status, headers, framing);
  const bool with_body = body_allowed && !is_head();
  reply_bytes_ = with_body ? body.size() : 0;
  if (with_body && body.size() < worth_moving) tail += body;
  out.appended(tail.size() - before);
  if (with_body && body.size() >= worth_moving) out.push(std::move(body));
}

void Http1::finish_reply() {
  if (close_after_) {
    const auto exchange = std::move(exchange_);
    if (exchange) exchange->detach(false);
    fail_body();
    connection_.close_gently();
  } else if (body_ == BodyState::done) {
    finish_exchange();
  }
  connection_.settle();
}

void Http1::finish_exchange() {
  exchange_->detach(false);
  exchange_.reset();
  wait_for(Wait::idle);
}

void Http1::begin_stream(ExchangeImpl& exchange, int status, const Headers& headers) {
  if (!is_current(exchange) || reply_ != ReplyState::none) return;
  reply_ = ReplyState::streaming;
  if (wait_ == Wait::handler) wait_ = Wait::nothing;
  status_ = status;
  reply_bytes_ = 0;
  stream_left_.reset();
  const bool body_allowed = status_allows_body(status);
  if (const auto* length = headers.find("content-length"); length && body_allowed) {
    std::int64_t bytes = -1;
    std::from_chars(length->data(), length->data() + length->size(), bytes);
    if (bytes >= 0) stream_left_ = bytes;
  }
  event_stream_ = headers.get("content-type").starts_with("text/event-stream");
  chunked_reply_ = body_allowed && !stream_left_ && !extras_.http_1_0;
  close_after_ |= server().draining || body_ != BodyState::done || (extras_.http_1_0 && body_allowed && !stream_left_);
  ReplyFraming framing{.date = connection_.loop().date(),
                       .http_1_0 = extras_.http_1_0,
                       .close = close_after_,
                       .chunked = chunked_reply_,
                       .with_length = stream_left_.has_value(),
                       .length = static_cast<std::size_t>(stream_left_.value_or(0))};
  auto& tail = connection_.out().tail();
  const auto before = tail.size();
  append_head(tail, status, headers, framing);
  connection_.out().appended(tail.size() - before);
  if (!body_allowed) stream_left_ = 0;
}

void Http1::write_stream(ExchangeImpl& exchange, std::string&& data) {
  if (!is_current(exchange) || reply_ != ReplyState::streaming || is_head() || data.empty()) return;
  auto& out = connection_.out();
  if (stream_left_) {
    if (static_cast<std::int64_t>(data.size()) > *stream_left_) data.resize(static_cast<std::size_t>(*stream_left_));
    *stream_left_ -= static_cast<std::int64_t>(data.size());
    reply_bytes_ += data.size();
    return out.push(std::move(data));
  }
  reply_bytes_ += data.size();
  if (!chunked_reply_) return out.push(std::move(data));
  auto& tail = out.tail();
  const auto before = tail.size();
  append_chunk_head(tail, data.size());
  out.appended(tail.size() - before);
  out.push(std::move(data));
  out.append("\r\n");
}

void Http1::end_stream(ExchangeImpl& exchange) {
  if (!is_current(exchange) || reply_ != ReplyState::streaming) return;
  const auto keep = exchange_;
  reply_ = ReplyState::done;
  server().dispatcher->on_replied(*keep, status_, reply_bytes_);
  if (stream_left_.value_or(0) > 0 && !is_head()) {  // shorter than it was announced: only a cut says so
    return connection_.abort();
  }
  if (chunked_reply_ && !is_head()) connection_.out().append("0\r\n\r\n");
  if (body_ != BodyState::done) close_after_ = true;
  finish_reply();
}

void Http1::abort_stream(ExchangeImpl& exchange) {
  if (!is_current(exchange) || reply_ != ReplyState::streaming) return;
  const auto keep = exchange_;
  reply_ = ReplyState::done;
  server().dispatcher->on_replied(*keep, status_, reply_bytes_);
  connection_.abort();
}

void Http1::on_flushed(std::size_t waiting) {
  if (exchange_ && reply_ == ReplyState::streaming) {
    const auto exchange = exchange_;
    exchange->flushed(waiting);
  }
}

}  // namespace kernel::http
