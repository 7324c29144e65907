#pragma once
// The listening socket and the thread that accepts. Pistache's own Tcp::Listener is not used: its queue of new peers
// can lose a wake-up, it spins when descriptors run out, and it cannot stop accepting without stopping the reactor.
#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>

struct sockaddr_storage;

namespace kernel::http {

class Acceptor {
 public:
  using Accepted = std::function<void(int descriptor, const sockaddr_storage& peer)>;

  /// Binds and listens; throws std::runtime_error that names the address. host: a name, IPv4, IPv6 (brackets allowed).
  Acceptor(const std::string& host, std::uint16_t port);
  ~Acceptor();
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  std::uint16_t port() const { return port_; }
  /// `accepted` takes over the (non-blocking) descriptor; called on the accepting thread.
  void start(Accepted accepted);
  /// Ends the thread and closes the listening socket, so that new connections are refused.
  void stop();

 private:
  void run();

  int listening_ = -1;
  int stop_event_ = -1;
  std::uint16_t port_ = 0;
  Accepted accepted_;
  std::thread thread_;
};

}  // namespace kernel::http
