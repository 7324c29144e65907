#pragma once
// One client's connection: moves bytes between the socket and the protocol, and bounds what may wait on either side.
#include "http/loop.hpp"
#include "http/protocol.hpp"
#include "http/socket.hpp"
#include "http/write_queue.hpp"

#include <memory>
#include <string>

namespace kernel::http {

/// Lives on one I/O thread and is touched by no other.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Loop& loop, Socket socket, std::string peer);

  // The loop's side.
  void begin(std::shared_ptr<Protocol> protocol);
  void on_event(bool readable, bool writable);
  void on_tick(Clock::time_point now);
  void drain();

  // The protocol's side.
  Loop& loop() const { return loop_; }
  const std::string& peer() const { return peer_; }
  int descriptor() const { return socket_.descriptor(); }
  /// What is to be sent; it goes out when the event being handled is done, or at settle().
  WriteQueue& out() { return out_; }
  /// Outside of an event: handles input that waited, sends, and adjusts what is polled for.
  void settle();
  /// The protocol that takes over once the present one's on_data() has returned.
  void upgrade(std::shared_ptr<Protocol> protocol) { next_protocol_ = std::move(protocol); }
  /// Sends what waits, then says so (FIN), then reads until the client closes too, so that it gets to see the answer.
  void close_gently();
  /// Closes at once.
  void abort();
  bool closing() const { return closing_ || closed_; }
  /// Drops what has not begun to go out; for a client that will not read it anyway.
  void drop_output() { out_.drop_unbegun(socket_.is_tls() ? 16 * 1024 : 0); }

 private:
  void read();
  void take(std::string_view data);
  std::size_t feed(std::string_view data);
  void handle_waiting();
  bool congested() const { return out_.size() > loop_.server().options.write_high_water; }
  void flush();
  void finish_turn();
  void begin_linger();
  void update_interest();

  Loop& loop_;
  Socket socket_;
  std::string peer_;
  std::shared_ptr<Protocol> protocol_, next_protocol_;
  WriteQueue out_;
  std::string unused_;  // read, but not yet taken by the protocol
  bool handling_ = false, closing_ = false, lingering_ = false, closed_ = false;
  bool input_ended_ = false, blocked_ = false, read_wants_write_ = false;
  bool polls_read_ = true, polls_write_ = false;
  Clock::time_point progress_, linger_until_;
};

}  // namespace kernel::http
