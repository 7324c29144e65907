#include "egress/exchange.hpp"

#include <atrium/abi.h>

#include <boost/beast/http/error.hpp>

#include <algorithm>
#include <stdexcept>

namespace kernel::egress {
namespace {

using Io = Connection::Io;
using std::chrono::milliseconds;

constexpr std::size_t one_packet = 16 * 1024;  // a body up to here is sent together with its head
constexpr int reads_in_a_row = 8, max_interim = 8;
constexpr std::size_t max_unparsed = 128 * 1024;  // a head is bounded by the parser; this bounds chunk extensions

milliseconds bounded(milliseconds limit) { return std::clamp(limit, milliseconds{1}, milliseconds{86'400'000}); }

}  // namespace

Exchange::Exchange(std::shared_ptr<Core> core, OutRequest request, Url url, std::shared_ptr<Delivery> delivery)
    : core_(std::move(core)),
      request_(std::move(request)),
      url_(std::move(url)),
      delivery_(std::move(delivery)),
      timer_(core_->io) {}

void Exchange::cancel() {
  boost::asio::post(core_->io, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->abort(ATRIUM_E_CANCELLED, "cancelled");
  });
}

void Exchange::start() {
  if (finished_) return;
  total_ = Clock::now() + bounded(request_.timeout);
  armed_until_ = Clock::time_point::max();
  resolve();
}

void Exchange::resolve() {
  phase_ = Phase::connecting;
  expect(request_.connect_timeout);
  Connector::Handlers handlers;
  const auto weak = weak_from_this();
  handlers.resolved = [weak](const auto& candidates) {
    const auto self = weak.lock();
    return self && (self->fresh_only_ || !self->reuse(candidates));
  };
  handlers.connected = [weak](auto socket, const auto& address) {
    if (const auto self = weak.lock()) self->on_connected(std::move(socket), address);
  };
  handlers.failed = [weak](std::int32_t status, const std::string& why) {
    if (const auto self = weak.lock()) self->finish(status, why);
  };
  connector_ = std::make_shared<Connector>(
      *core_, Target{url_.host, url_.port, url_.numeric, request_.trust, request_.hosts}, std::move(handlers));
  connector_->start(phase_until_);
}

std::string Exchange::reuse_key(const boost::asio::ip::address& address) const {
  return (url_.tls ? "https " : "http ") + where() + " " + address.to_string() +
         (request_.trust == Trust::user ? " user" : " operator");
}

bool Exchange::reuse(const std::vector<boost::asio::ip::address>& candidates) {
  for (const auto& address : candidates) {
    connection_ = core_->idle.take(reuse_key(address));
    if (!connection_) continue;
    ++generation_;
    ++core_->reused;
    reused_ = true;
    begin_sending();
    return true;
  }
  return false;
}

void Exchange::on_connected(boost::asio::ip::tcp::socket socket, const boost::asio::ip::address& address) {
  connection_ = std::make_unique<Connection>(std::move(socket));
  connection_->reuse_key = reuse_key(address);
  ++generation_;
  reused_ = false;
  try {
    if (!connection_->begin(url_.tls ? core_->tls() : nullptr, url_.host, url_.numeric))
      return fail("cannot connect to " + where() + ": " + connection_->failure());
  } catch (const std::runtime_error& fault) {
    return fail(fault.what());
  }
  if (connection_->tls()) return handshake();
  begin_sending();
}

void Exchange::handshake() {
  const auto result = connection_->handshake();
  if (result.io == Io::want_read || result.io == Io::want_write) return wait(result.io, &Exchange::handshake);
  if (result.io != Io::done) {
    const auto& why = connection_->failure();
    return fail("TLS with " + where() + " failed: " + (why.empty() ? "the peer closed" : why));
  }
  begin_sending();
}

void Exchange::begin_sending() {
  phase_ = Phase::answering;
  head_ = wire_head(request_, url_);
  if (request_.body.size() <= one_packet) head_ += request_.body;
  sent_ = 0;
  heard_ = head_seen_ = write_failed_ = false;
  input_.clear();
  new_parser();
  expect(request_.idle_timeout);
  send();
}

void Exchange::send() {
  const bool body_apart = request_.body.size() > one_packet;
  const std::size_t whole = head_.size() + (body_apart ? request_.body.size() : 0);
  while (sent_ < whole) {
    const auto rest = sent_ < head_.size() ? std::string_view(head_).substr(sent_)
                                           : std::string_view(request_.body).substr(sent_ - head_.size());
    const auto result = connection_->write(rest.data(), rest.size());
    if (result.io == Io::want_read || result.io == Io::want_write) return wait(result.io, &Exchange::send);
    if (result.io != Io::done) {
      write_failed_ = true;  // the peer may have answered before it closed
      break;
    }
    sent_ += result.bytes;
    expect(request_.idle_timeout);
  }
  std::string().swap(head_);
  receive();
}

void Exchange::receive() {
  for (int i = 0; i < reads_in_a_row; ++i) {
    if (paused_) return;
    const auto result = connection_->read(core_->buffer.data(), core_->buffer.size());
    if (result.io == Io::want_read || result.io == Io::want_write) return wait(result.io, &Exchange::receive);
    if (result.io != Io::done) return on_end(connection_->failure(), result.io == Io::end);
    heard_ = true;
    expect(request_.idle_timeout);
    input_.append(core_->buffer.data(), result.bytes);
    if (!consume()) return;
  }
  boost::asio::post(core_->io, [self = shared_from_this(), mine = generation_] {
    if (!self->finished_ && mine == self->generation_) self->receive();
  });
}

/// False: this exchange, or this hop of it, is over.
bool Exchange::consume() {
  std::size_t used = 0;
  while (used < input_.size()) {
    boost::beast::error_code error;
    const auto bytes = parser_->put(boost::asio::buffer(input_.data() + used, input_.size() - used), error);
    used += bytes;
    if (finished_) return false;
    if (error == boost::beast::http::error::need_more) break;
    if (error) return fail("the answer of " + where() + " is malformed: " + error.message()), false;
    if (parser_->is_header_done() && !head_seen_) {
      if (parser_->status() / 100 == 1) {
        if (parser_->status() == 101 || ++interim_ > max_interim) return fail("unexpected interim answers"), false;
        new_parser();
        continue;
      }
      if (!on_head()) return false;
    }
    if (parser_->is_done()) {
      input_.erase(0, used);
      return complete(), false;
    }
  }
  input_.erase(0, used);
  if (input_.size() > max_unparsed) return fail("the answer of " + where() + " holds an endless line"), false;
  return true;
}

bool Exchange::on_head() {
  head_seen_ = true;
  parser_->eager(true);
  if (request_.redirects > 0 && is_redirect(parser_->status()) && parser_->headers().count("location") > 0) {
    return redirect(), false;
  }
  const auto length = parser_->content_length();
  if (length && *length > request_.max_bytes && request_.method != "HEAD") {
    finish(ATRIUM_E_INVALID, "the answer is larger than max_bytes (" + std::to_string(request_.max_bytes) + ")");
    return false;
  }
  std::string().swap(request_.body);
  delivery_->head(parser_->status(), std::move(parser_->headers()));
  return true;
}

void Exchange::redirect() {
  if (++hops_ > request_.redirects) return fail("more redirects than the request allows");
  Url next;
  try {
    next = url_.follow(parser_->headers().at("location"));
  } catch (const std::invalid_argument& fault) {
    return fail(std::string("a redirect is malformed: ") + fault.what());
  }
  if (url_.tls && !next.tls) return finish(ATRIUM_E_DENIED, "refused a redirect from https to http");
  follow_redirect(request_, parser_->status(), url_.same_origin(next));
  url_ = std::move(next);
  connection_.reset();
  ++generation_;
  fresh_only_ = false;
  resolve();
}

void Exchange::on_body(std::string_view piece) {
  if (finished_) return;
  received_ += piece.size();
  if (received_ > request_.max_bytes) {
    return finish(ATRIUM_E_INVALID, "the answer is larger than max_bytes (" + std::to_string(request_.max_bytes) + ")");
  }
  if (!delivery_->data(piece)) paused_ = true;
}

void Exchange::on_end(const std::string& why, bool clean) {
  if (reused_ && !heard_ && !fresh_only_ && may_resend(request_)) {
    fresh_only_ = true;  // the peer had closed the kept connection: once more, on a new one
    connection_.reset();
    ++generation_;
    return resolve();
  }
  if (clean && head_seen_ && parser_->need_eof()) {
    boost::beast::error_code error;
    parser_->put_eof(error);
    if (!error) return complete();
  }
  fail(where() + " closed the connection before the answer was complete" + (why.empty() ? "" : ": " + why));
}

void Exchange::complete() {
  if (parser_->keep_alive() && input_.empty() && !write_failed_) core_->idle.put(std::move(connection_));
  finish(ATRIUM_OK, {});
}

void Exchange::resume() {
  if (finished_ || !paused_) return;
  paused_ = false;
  expect(request_.idle_timeout);
  receive();
}

void Exchange::new_parser() {
  parser_.emplace([this](std::string_view piece) { on_body(piece); });
  if (request_.method == "HEAD") parser_->skip(true);
}

void Exchange::wait(Connection::Io io, Step next) {
  const auto kind = io == Io::want_read ? boost::asio::socket_base::wait_read : boost::asio::socket_base::wait_write;
  connection_->socket().async_wait(
      kind, [self = shared_from_this(), next, mine = generation_](const boost::system::error_code&) {
        // An error of the socket shows itself, with its reason, in the operation that is tried again.
        if (!self->finished_ && mine == self->generation_) ((*self).*next)();
      });
}

void Exchange::expect(milliseconds limit) {
  phase_until_ = Clock::now() + bounded(limit);
  arm();
}

/// A deadline that moves away costs nothing: the timer looks again when it fires.
void Exchange::arm() {
  const auto due = std::min(total_, phase_until_);
  if (armed_until_ <= due) return;
  armed_until_ = due;
  timer_.expires_at(due);
  timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
    const auto self = weak.lock();
    if (!error && self && !self->finished_) self->on_time();
  });
}

void Exchange::on_time() {
  armed_until_ = Clock::time_point::max();
  const auto now = Clock::now();
  const auto late = [&](const std::string& what) { finish(ATRIUM_E_TIMEOUT, what + " at " + where()); };
  if (now >= total_) return late("the whole exchange took longer than timeout");
  if (now >= phase_until_ && !paused_) {
    return late(phase_ == Phase::connecting ? "no connection within connect_timeout" : "silence beyond idle_timeout");
  }
  if (paused_) phase_until_ = now + bounded(request_.idle_timeout);  // it is the handler that takes its time
  arm();
}

void Exchange::fail(const std::string& why) { finish(ATRIUM_E_UNAVAILABLE, why); }

void Exchange::finish(std::int32_t status, const std::string& why, bool drop) {
  if (finished_) return;
  finished_ = true;
  const auto self = shared_from_this();
  timer_.cancel();
  if (connector_) connector_->stop();
  connection_.reset();
  std::string().swap(request_.body);
  ++(status == ATRIUM_OK ? core_->done : status == ATRIUM_E_DENIED ? core_->denied : core_->failed);
  delivery_->done(status, why, drop);
  core_->tasks.erase(this);
}

}  // namespace kernel::egress
