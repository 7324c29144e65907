#include "http/websocket_session.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

namespace kernel::http {
namespace {

constexpr std::chrono::seconds close_patience{5};
// A session that ended is noticed by a tick, and within a second of its end on another node too: what the nodes tell
// each other and the transport's own tick take up to 200 ms each.
constexpr std::chrono::milliseconds tick_interval{400};

}  // namespace

std::shared_ptr<const std::string> make_text_frame(std::string_view text) {
  std::string frame;
  frame.reserve(text.size() + 10);
  frame.push_back('\x81');
  const auto size = text.size();
  auto big_endian = [&](int bytes) {
    for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) {
      frame.push_back(static_cast<char>(static_cast<std::uint64_t>(size) >> shift & 0xff));
    }
  };
  if (size < 126) {
    frame.push_back(static_cast<char>(size));
  } else if (size < 65536) {
    frame.push_back(126);
    big_endian(2);
  } else {
    frame.push_back(127);
    big_endian(8);
  }
  frame.append(text);
  return std::make_shared<const std::string>(std::move(frame));
}

std::shared_ptr<WebSocketSession> WebSocketSession::create(Connection& connection, std::shared_ptr<Exchange> exchange,
                                                           std::shared_ptr<WebSocketHandler> handler) {
  return std::make_shared<WebSocketSession>(connection, std::move(exchange), std::move(handler));
}

WebSocketSession::WebSocketSession(Connection& connection, std::shared_ptr<Exchange> exchange,
                                   std::shared_ptr<WebSocketHandler> handler)
    : box_(connection.loop().box()),
      exchange_(std::move(exchange)),
      max_backlog_(connection.loop().server().options.websocket_max_backlog),
      connection_(&connection),
      handler_(std::move(handler)),
      next_tick_(connection.loop().now() + tick_interval) {
  const wslay_event_callbacks callbacks{receive, transmit, nullptr, nullptr, nullptr, nullptr, received};
  if (wslay_event_context_server_init(&wslay_, &callbacks, this) != 0) throw std::bad_alloc();
  wslay_event_config_set_max_recv_msg_length(wslay_, connection.loop().server().options.websocket_max_message);
  ++connection.loop().server().counters.websockets;
}

WebSocketSession::~WebSocketSession() { wslay_event_context_free(wslay_); }

std::shared_ptr<WebSocketSession> WebSocketSession::self() {
  return std::static_pointer_cast<WebSocketSession>(shared_from_this());
}

bool WebSocketSession::send_frame(std::shared_ptr<const std::string> frame) {
  {
    const std::lock_guard lock(mutex_);
    if (gone_ || overflowed_) return false;
    if (queued_ + backlog_ + frame->size() > max_backlog_) {
      overflowed_ = true;
      queued_ = 0;
      frames_.clear();
    } else {
      queued_ += frame->size();
      frames_.push_back(std::move(frame));
    }
    if (std::exchange(scheduled_, true)) return !overflowed_;
  }
  return box_->post(self());
}

void WebSocketSession::run() {
  take_frames();
  if (connection_) connection_->settle();
}

void WebSocketSession::take_frames() {
  std::vector<std::shared_ptr<const std::string>> frames;
  bool overflowed = false;
  {
    const std::lock_guard lock(mutex_);
    frames.swap(frames_);
    backlog_ += std::exchange(queued_, 0);
    scheduled_ = false;
    overflowed = overflowed_;
  }
  if (!connection_ || closing_) return;
  if (overflowed) return drop_slow();
  for (auto& frame : frames) connection_->out().push(std::move(frame));
}

void WebSocketSession::drop_slow() {
  ++connection_->loop().server().counters.slow_dropped;
  connection_->drop_output();
  begin_close(4408, "too slow");
}

std::size_t WebSocketSession::backlog() const {
  const std::scoped_lock lock(mutex_);
  return queued_ + backlog_;
}

void WebSocketSession::close(std::uint16_t code, std::string_view reason) {
  box_->post([self = self(), code, reason = std::string(reason)] {
    if (!self->connection_) return;
    self->begin_close(code, reason);
    if (self->connection_) self->connection_->settle();
  });
}

bool WebSocketSession::post(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    if (gone_) return false;
  }
  return box_->post(std::move(work));
}

void WebSocketSession::begin_close(std::uint16_t code, std::string_view reason) {
  if (std::exchange(closing_, true)) return;
  reason = reason.substr(0, 120);
  wslay_event_queue_close(wslay_, code, reinterpret_cast<const std::uint8_t*>(reason.data()), reason.size());
  close_by_ = connection_->loop().now() + close_patience;
  send_controls();
}

void WebSocketSession::send_controls() {
  if (wslay_event_want_write(wslay_) && wslay_event_send(wslay_) != 0) connection_->abort();
}

std::size_t WebSocketSession::on_data(std::string_view data) {
  const auto alive = shared_from_this();
  if (!std::exchange(opened_, true)) {
    const auto handler = handler_;
    handler->on_open(self());
  }
  if (data.empty() || !connection_) return 0;
  input_ = data;
  const int result = wslay_event_recv(wslay_);
  input_ = {};
  if (!connection_) return data.size();
  take_frames();  // what answers a message goes before the answer to a close behind it
  send_controls();
  if (!connection_) return data.size();
  const bool over = wslay_event_get_close_received(wslay_) || wslay_event_get_close_sent(wslay_);
  if (result != 0 || (over && !wslay_event_get_read_enabled(wslay_))) finish();
  return data.size();
}

void WebSocketSession::finish() {
  closing_ = true;
  connection_->close_gently();
}

void WebSocketSession::on_end_of_input() { connection_->abort(); }

void WebSocketSession::on_tick(Clock::time_point now) {
  if (closing_) {
    if (now >= close_by_) connection_->abort();
    return;
  }
  if (now < next_tick_) return;
  next_tick_ = now + tick_interval;
  const auto handler = handler_;
  handler->on_tick();
}

void WebSocketSession::on_closed() {
  --connection_->loop().server().counters.websockets;
  connection_ = nullptr;
  {
    const std::lock_guard lock(mutex_);
    gone_ = true;
    frames_.clear();
  }
  const auto handler = std::move(handler_);
  if (handler && opened_) handler->on_close();
}

ssize_t WebSocketSession::receive(wslay_event_context_ptr context, std::uint8_t* to, std::size_t most, int,
                                  void* session) {
  auto& input = static_cast<WebSocketSession*>(session)->input_;
  if (input.empty()) {
    wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK);
    return -1;
  }
  const auto bytes = std::min(most, input.size());
  std::memcpy(to, input.data(), bytes);
  input.remove_prefix(bytes);
  return static_cast<ssize_t>(bytes);
}

ssize_t WebSocketSession::transmit(wslay_event_context_ptr, const std::uint8_t* data, std::size_t size, int,
                                   void* session) {
  static_cast<WebSocketSession*>(session)->connection_->out().append({reinterpret_cast<const char*>(data), size});
  return static_cast<ssize_t>(size);
}

void WebSocketSession::received(wslay_event_context_ptr, const wslay_event_on_msg_recv_arg* message, void* session) {
  auto& self = *static_cast<WebSocketSession*>(session);
  if (self.closing_ || !self.connection_) return;
  if (message->opcode == WSLAY_BINARY_FRAME) return self.begin_close(1003, "text messages only");
  if (message->opcode != WSLAY_TEXT_FRAME) return;
  const auto handler = self.handler_;
  handler->on_text({reinterpret_cast<const char*>(message->msg), message->msg_length});
}

}  // namespace kernel::http
