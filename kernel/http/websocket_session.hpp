#pragma once
// A WebSocket after its handshake: wslay reads, shared frames go out many at a time.
#include "http/connection.hpp"
#include "http/exchange.hpp"

#include <wslay/wslay.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace kernel::http {

class WebSocketSession final : public Protocol, public WebSocket, public Task {
 public:
  static std::shared_ptr<WebSocketSession> create(Connection& connection, std::shared_ptr<Exchange> exchange,
                                                  std::shared_ptr<WebSocketHandler> handler);
  WebSocketSession(Connection& connection, std::shared_ptr<Exchange> exchange,
                   std::shared_ptr<WebSocketHandler> handler);
  ~WebSocketSession() override;

  // WebSocket, from any thread.
  bool send_frame(std::shared_ptr<const std::string> frame) override;
  std::size_t backlog() const override;
  void close(std::uint16_t code, std::string_view reason) override;
  const RequestHead& head() const override { return exchange_->head(); }
  bool post(std::function<void()> work) override;
  /// I/O thread: what the senders queued goes out.
  void run() override;

  // Protocol, on the I/O thread.
  std::size_t on_data(std::string_view data) override;
  bool wants_more(std::size_t) const override { return true; }
  void on_end_of_input() override;
  void on_flushed(std::size_t waiting) override { backlog_ = waiting; }
  void on_tick(Clock::time_point now) override;
  void on_drain() override { begin_close(1001, "the server shuts down"); }
  void on_closed() override;

 private:
  void begin_close(std::uint16_t code, std::string_view reason);
  void take_frames();
  void drop_slow();
  void send_controls();
  void finish();
  std::shared_ptr<WebSocketSession> self();

  static ssize_t receive(wslay_event_context_ptr context, std::uint8_t* to, std::size_t most, int, void* session);
  static ssize_t transmit(wslay_event_context_ptr, const std::uint8_t* data, std::size_t size, int, void* session);
  static void received(wslay_event_context_ptr, const wslay_event_on_msg_recv_arg* message, void* session);

  const std::shared_ptr<PostBox> box_;
  const std::shared_ptr<Exchange> exchange_;
  const std::size_t max_backlog_;
  std::atomic<std::size_t> backlog_{0};  // bytes in the connection's queue, as last seen

  // I/O thread only.
  Connection* connection_;
  std::shared_ptr<WebSocketHandler> handler_;
  wslay_event_context_ptr wslay_ = nullptr;
  std::string_view input_;
  Clock::time_point next_tick_, close_by_;
  bool opened_ = false, closing_ = false;

  mutable std::mutex mutex_;  // guards what follows
  std::vector<std::shared_ptr<const std::string>> frames_;
  std::size_t queued_ = 0;
  bool scheduled_ = false, gone_ = false, overflowed_ = false;
};

}  // namespace kernel::http
