#pragma once
// The front: Pistache's listener and reactor, our transport on top. Only http/*.cpp include Pistache.
#include "http/exchange.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace kernel::http {

struct ServerOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8000;  ///< 0: any free one, see Server::port()
  int io_threads = 2;
  std::size_t max_connections = 10'000;  ///< kept below the process's fd limit
  std::size_t max_head_bytes = 32 * 1024;
  std::chrono::milliseconds header_timeout{10'000};  ///< first byte of a request to the end of its head
  std::chrono::milliseconds body_timeout{30'000};    ///< between two pieces of a body
  std::chrono::milliseconds keep_alive_timeout{75'000};
  std::chrono::milliseconds handler_timeout{120'000};  ///< until the reply begins; then 503 and the client is let go
  std::chrono::milliseconds write_stall_timeout{30'000};
  std::size_t write_high_water = 256 * 1024;    ///< above it nothing more is read from, or streamed to, this client
  std::size_t websocket_max_backlog = 4 << 20;  ///< bytes waiting for one slow client before it is dropped (4408)
  std::size_t websocket_max_message = 64 * 1024;
  std::string tls_certificate, tls_key;  ///< PEM files; empty: plain HTTP
};

struct ServerCounters {
  std::uint64_t accepted, refused_full, open, websockets, parse_faults, timeouts, slow_dropped;
};

class Server {
 public:
  /// Binds; throws std::runtime_error that names the address when it cannot.
  Server(ServerOptions options, std::shared_ptr<Dispatcher> dispatcher);
  ~Server();
  void start();
  std::uint16_t port() const;
  ServerCounters counters() const;
  /// Stops accepting, lets running requests finish (WebSocket and SSE get a close), at most for `patience`.
  void drain(std::chrono::milliseconds patience);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kernel::http
