#pragma once
// Pistache's reactor thread with all of the peers' I/O in our hands. Only transport.cpp and server.cpp include this.
#include <utility>

#include "http/connection.hpp"

#include <pistache/peer.h>
#include <pistache/transport.h>

#include <memory>
#include <vector>

namespace kernel::http {

class Transport final : public Pistache::Tcp::Transport, public Loop {
 public:
  explicit Transport(std::shared_ptr<ServerState> server);
  ~Transport() override;

  std::shared_ptr<Pistache::Aio::Handler> clone() const override;
  void registerPoller(Pistache::Polling::Epoll& poller) override;
  void onReady(const Pistache::Aio::FdSet& events) override;

  /// Any thread: takes over an accepted descriptor.
  void adopt(int descriptor, Pistache::Address address, std::string peer, bool refuse);
  /// Any thread: tells every connection to finish, or (`now`) closes it.
  void drain(bool now);

  void set_interest(int descriptor, bool read, bool write) override;
  void remove(Connection& connection) override;

 private:
  void open(int descriptor, const Pistache::Address& address, std::string peer, bool refuse);
  void handle(Connection& connection, bool readable, bool writable);
  void tick();
  std::vector<std::shared_ptr<Connection>> snapshot() const;

  std::vector<std::shared_ptr<Connection>> by_descriptor_;
  std::vector<std::shared_ptr<Connection>> removed_;  // kept until the turn ends: one of them may be on the stack
  std::vector<std::shared_ptr<Pistache::Tcp::Peer>> peers_by_descriptor_;
  int timer_ = -1;
};

}  // namespace kernel::http
