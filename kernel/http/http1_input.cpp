// The request's side of Http1: heads, bodies, deadlines.
#include "http/http1.hpp"
#include "http/websocket_handshake.hpp"
#include "http/websocket_session.hpp"

#include <algorithm>
#include <memory>

namespace kernel::http {
namespace {

constexpr std::size_t first_body_reserve = 64 * 1024;            // a claimed length alone gets no more memory than this
constexpr std::chrono::milliseconds silence_before_asking{200};  // most answers are there by then

}  // namespace

Http1::Http1(Connection& connection) : connection_(connection), scanner_(server().options.max_head_bytes) {
  wait_for(Wait::first_byte);
}

Http1::~Http1() {
  if (exchange_) exchange_->detach(false);
}

std::size_t Http1::on_data(std::string_view data) {
  std::size_t used = 0;
  while (!connection_.closing() && !upgraded_) {
    bool progress = false;
    if (!exchange_) {
      progress = connection_.out().size() <= server().options.write_high_water && read_head(data, used);
    } else if (body_ == BodyState::buffering || body_ == BodyState::streaming) {
      progress = read_piece(data, used);
    }
    if (!progress) break;
  }
  return used;
}

bool Http1::wants_more(std::size_t unused) const {
  if (body_ == BodyState::unread || body_ == BodyState::paused) return false;
  if (exchange_ && body_ == BodyState::done) return unused < server().options.max_head_bytes;  // pipelined, or a FIN
  return true;
}

bool Http1::read_head(std::string_view data, std::size_t& used) {
  if (wait_ != Wait::head) {
    while (used + 1 < data.size() && data[used] == '\r' && data[used + 1] == '\n') used += 2;  // RFC 9112, 2.2
    if (used == data.size()) return false;
    wait_for(Wait::head);
  }
  const auto rest = data.substr(used);
  Fault fault;
  const auto length = scanner_.scan(rest, fault);
  if (fault) {
    refuse(std::move(fault));
    return false;
  }
  if (length == 0) return false;
  scanner_.reset();
  exchange_ = std::make_shared<ExchangeImpl>(connection_.loop().box(), this, server().options.write_high_water);
  auto& head = exchange_->head_to_fill();
  head.peer = connection_.peer();
  parser_.emplace();
  extras_ = {};
  fault = parser_->parse_head(rest.substr(0, length), head, extras_);
  used += length;
  reply_ = ReplyState::none;
  body_ = head.has_body ? BodyState::unread : BodyState::done;
  body_read_ = 0;
  close_after_ = !head.keep_alive || server().draining;
  if (fault) {
    refuse(std::move(fault));
    return false;
  }
  head.websocket_upgrade = !extras_.http_1_0 && is_websocket_handshake(head);
  wait_for(Wait::handler);
  decide(server().dispatcher->on_head(exchange_));
  return true;
}

void Http1::decide(HeadDecision&& decision) {
  switch (decision.action) {
    case HeadDecision::Action::respond:
      if (exchange_->claim_reply()) reply(*exchange_, std::move(decision.reply));
      return;
    case HeadDecision::Action::websocket:
      return begin_websocket(std::move(decision));
    case HeadDecision::Action::buffer_body:
    case HeadDecision::Action::stream_body:
      return begin_body(std::move(decision));
  }
}

void Http1::begin_body(HeadDecision&& decision) {
  max_body_ = decision.max_body;
  const auto announced = exchange_->head().content_length;
  if (exchange_->head().has_body && announced > max_body_) {
    return refuse({413, "The body is larger than the " + std::to_string(max_body_) + " bytes allowed here."});
  }
  if (decision.action == HeadDecision::Action::stream_body || body_ == BodyState::done) return handle();
  body_ = BodyState::buffering;
  if (announced > 0) {
    exchange_->body_to_fill().reserve(std::min<std::size_t>(static_cast<std::size_t>(announced), first_body_reserve));
  }
  ask_to_continue();
  wait_for(Wait::body);
}

void Http1::ask_to_continue() {
  if (!extras_.expect_continue) return;
  extras_.expect_continue = false;
  connection_.out().append("HTTP/1.1 100 Continue\r\n\r\n");
}

void Http1::handle() {
  wait_for(Wait::handler);
  const auto exchange = exchange_;  // the handler may answer, which ends the exchange here
  server().dispatcher->handle(exchange);
}

void Http1::begin_websocket(HeadDecision&& decision) {
  const auto& head = exchange_->head();
  if (!head.websocket_upgrade || !decision.websocket) return refuse(handshake_fault(head));
  if (!exchange_->claim_reply()) return;
  auto& out = connection_.out().tail();
  const auto before = out.size();
  out += "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: ";
  out += websocket_accept(head.headers.get("sec-websocket-key"));
  out += "\r\n";
  for (const auto& [name, value] : decision.reply.headers) {
    if (value.find_first_of("\r\n") == std::string::npos) out += name + ": " + value + "\r\n";
  }
  out += "\r\n";
  connection_.out().appended(out.size() - before);
  server().dispatcher->on_replied(*exchange_, 101, 0);
  auto exchange = std::move(exchange_);
  exchange->detach(false);
  upgraded_ = true;
  connection_.upgrade(WebSocketSession::create(connection_, std::move(exchange), std::move(decision.websocket)));
}

bool Http1::read_piece(std::string_view data, std::size_t& used) {
  auto step = parser_->next(data.substr(used));
  used += step.used;
  if (step.used > 0 && wait_ == Wait::body) wait_for(Wait::body);
  body_read_ += static_cast<std::int64_t>(step.piece.size());
  if (step.fault || body_read_ > max_body_) {
    if (!step.fault) step.fault = {413, "The body is larger than the " + std::to_string(max_body_) + " bytes allowed."};
    const auto exchange = exchange_;
    refuse(std::move(step.fault));
    fail_body();
    return false;
  }
  const bool last = parser_->body_done();
  if (!step.piece.empty() || last) deliver(step.piece, last);
  return !step.need_more;
}

void Http1::deliver(std::string_view piece, bool last) {
  if (body_ == BodyState::buffering) {
    exchange_->body_to_fill().append(piece);
  } else if (body_ == BodyState::streaming) {
    if (last) {
      const auto sink = std::move(sink_);
      body_complete();
      sink(piece, true, false);
      return;
    }
    const auto exchange = exchange_;
    const auto sink = sink_;
    if (!sink(piece, false, false) && body_ == BodyState::streaming && is_current(*exchange)) {
      body_ = BodyState::paused;
      wait_for(Wait::handler);
    }
    return;
  }
  if (!last) return;
  const bool run = body_ == BodyState::buffering;
  body_complete();
  if (run) handle();
}

void Http1::body_complete() {
  body_ = BodyState::done;
  if (reply_ == ReplyState::none) wait_for(Wait::handler);
  if (reply_ == ReplyState::done) finish_exchange();
}

void Http1::read_body(ExchangeImpl& exchange, const BodySink& sink) {
  if (!is_current(exchange)) return;
  if (body_ == BodyState::done) {
    sink({}, true, false);
    return;
  }
  if (body_ != BodyState::unread) return;
  sink_ = sink;
  body_ = BodyState::streaming;
  ask_to_continue();
  wait_for(Wait::body);
}

void Http1::resume_body(ExchangeImpl& exchange) {
  if (!is_current(exchange) || body_ != BodyState::paused) return;
  body_ = BodyState::streaming;
  wait_for(Wait::body);
  connection_.settle();
}

void Http1::fail_body() {
  body_ = BodyState::done;
  if (const auto sink = std::exchange(sink_, nullptr)) sink({}, true, true);
}

void Http1::wait_for(Wait what) {
  wait_ = what;
  const auto& options = server().options;
  const auto now = connection_.loop().now();
  switch (what) {
    case Wait::first_byte:
    case Wait::head:
      deadline_ = now + options.header_timeout;
      break;
    case Wait::idle:
      deadline_ = now + options.keep_alive_timeout;
      break;
    case Wait::body:
      deadline_ = now + options.body_timeout;
      break;
    case Wait::handler:
      if (reply_ != ReplyState::none) wait_ = Wait::nothing;
      deadline_ = now + options.handler_timeout;
      break;
    case Wait::nothing:
      break;
  }
}

// A client that is gone and one that has closed its half look alike until something is sent: whoever is still there
// passes over an interim answer (RFC 9110, 15.2), and for whoever is gone the network answers with a reset.
void Http1::ask_who_is_there(Clock::time_point now) {
  if (!silent_since_ || wait_ != Wait::handler || now - *silent_since_ < silence_before_asking) return;
  silent_since_ = Clock::time_point::max();
  if (!extras_.http_1_0) connection_.out().append("HTTP/1.1 100 Continue\r\n\r\n");
}

void Http1::on_tick(Clock::time_point now) {
  ask_who_is_there(now);
  if (wait_ == Wait::nothing || now < deadline_) return;
  ++server().counters.timeouts;
  const auto exchange = exchange_;
  switch (std::exchange(wait_, Wait::nothing)) {
    case Wait::first_byte:
    case Wait::idle:
      --server().counters.timeouts;  // not a fault of anybody
      return connection_.abort();
    case Wait::head:
      return refuse({408, "The request head did not arrive in time."});
    case Wait::body:
      refuse({408, "The request body stopped arriving."});
      return fail_body();
    case Wait::handler: {
      const auto tell_handler = exchange->begin_cancel();
      refuse({503, "The request took too long to answer; try again later."});
      fail_body();
      return tell_handler();
    }
    case Wait::nothing:
      return;
  }
}

void Http1::on_end_of_input() {
  if (!exchange_) {
    if (wait_ == Wait::head) return refuse({400, "The request ended in the middle of its head."});
    return connection_.close_gently();
  }
  if (body_ == BodyState::done || body_ == BodyState::unread || body_ == BodyState::paused) {
    // It may have closed only its own half: then it still gets its answer.
    if (wait_ == Wait::handler && !silent_since_) silent_since_ = connection_.loop().now();
    return;
  }
  const auto exchange = exchange_;
  const auto tell_handler = exchange->begin_cancel();
  refuse({400, "The request ended in the middle of its body."});
  fail_body();
  tell_handler();
}

void Http1::on_drain() {
  close_after_ = true;
  if (!exchange_) {
    if (wait_ != Wait::head) connection_.abort();
    return;
  }
  if (reply_ == ReplyState::streaming && event_stream_) {
    const auto exchange = exchange_;
    const auto tell_handler = exchange->begin_cancel();
    end_stream(*exchange);
    tell_handler();
  }
}

void Http1::on_closed() {
  fail_body();
  wait_ = Wait::nothing;
  if (!exchange_) return;
  const auto exchange = std::move(exchange_);
  if (reply_ == ReplyState::streaming) server().dispatcher->on_replied(*exchange, status_, reply_bytes_);
  exchange->detach(reply_ != ReplyState::done);
}

}  // namespace kernel::http
