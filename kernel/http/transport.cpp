#include "http/transport.hpp"

#include "http/http1.hpp"
#include "observability/log.hpp"

#include <sys/timerfd.h>
#include <unistd.h>

namespace kernel::http {
namespace {

namespace polling = Pistache::Polling;

constexpr long tick_ns = 200'000'000;

/// Pistache wants a handler; ours never gets to see a byte, since onReady() below reads.
class NoHandler final : public Pistache::Tcp::Handler {
  PROTOTYPE_OF(Pistache::Tcp::Handler, NoHandler)
  void onInput(const char*, size_t, const std::shared_ptr<Pistache::Tcp::Peer>&) override {}
};

}  // namespace

Transport::Transport(std::shared_ptr<ServerState> server)
    : Pistache::Tcp::Transport(std::make_shared<NoHandler>()), Loop(std::move(server)) {}

Transport::~Transport() {
  box()->close();
  for (const auto& connection : snapshot()) {
    const int descriptor = connection->descriptor();
    connection->abort();
    ::close(descriptor);
  }
  if (timer_ >= 0) ::close(timer_);
}

std::shared_ptr<Pistache::Aio::Handler> Transport::clone() const {
  return std::make_shared<Transport>(server().shared_from_this());
}

void Transport::registerPoller(polling::Epoll& poller) {
  Pistache::Tcp::Transport::registerPoller(poller);
  const Pistache::Flags<polling::NotifyOn> read(polling::NotifyOn::Read);
  poller.addFd(box()->descriptor(), read, polling::Tag(box()->descriptor()));
  timer_ = ::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  const itimerspec every{{0, tick_ns}, {0, tick_ns}};
  ::timerfd_settime(timer_, 0, &every, nullptr);
  poller.addFd(timer_, read, polling::Tag(timer_));
}

void Transport::onReady(const Pistache::Aio::FdSet& events) {
  box()->adopt_thread();
  begin_turn();
  bool mail = false, timer = false;
  for (const auto& event : events) {
    const auto descriptor = static_cast<std::size_t>(event.getTag().value());
    if (descriptor < by_descriptor_.size() && by_descriptor_[descriptor]) {
      handle(*by_descriptor_[descriptor], event.isReadable(), event.isWritable());
    } else if (static_cast<int>(descriptor) == box()->descriptor()) {
      mail = true;
    } else if (static_cast<int>(descriptor) == timer_) {
      timer = true;
    }
  }
  if (mail) box()->run_mail();
  if (timer) tick();
  box()->run_local();
  removed_.clear();
}

void Transport::handle(Connection& connection, bool readable, bool writable) {
  try {
    connection.on_event(readable, writable);
  } catch (const std::exception& error) {
    observability::log(observability::Level::error, "http", std::string("a connection failed: ") + error.what());
    connection.abort();
  }
}

void Transport::tick() {
  std::uint64_t times = 0;
  [[maybe_unused]] const auto got = ::read(timer_, &times, sizeof times);
  for (const auto& connection : snapshot()) {
    try {
      connection->on_tick(now());
    } catch (const std::exception& error) {
      observability::log(observability::Level::error, "http", std::string("a connection failed: ") + error.what());
      connection->abort();
    }
  }
}

std::vector<std::shared_ptr<Connection>> Transport::snapshot() const {
  std::vector<std::shared_ptr<Connection>> all;
  for (const auto& connection : by_descriptor_) {
    if (connection) all.push_back(connection);
  }
  return all;
}

void Transport::adopt(int descriptor, Pistache::Address address, std::string peer, bool refuse) {
  const bool posted = box()->post([this, descriptor, address = std::move(address), peer = std::move(peer), refuse] {
    open(descriptor, address, peer, refuse);
  });
  if (posted) return;
  ::close(descriptor);
  server().connection_closed();
}

void Transport::open(int descriptor, const Pistache::Address& address, std::string peer, bool refuse) {
  const auto index = static_cast<std::size_t>(descriptor);
  if (index >= by_descriptor_.size()) {
    by_descriptor_.resize(index + 1);
    peers_by_descriptor_.resize(index + 1);
  }
  try {
    auto tls = server().tls ? std::make_unique<TlsSession>(*server().tls, descriptor) : nullptr;
    auto connection = std::make_shared<Connection>(*this, Socket(descriptor, std::move(tls)), std::move(peer));
    auto protocol = std::make_shared<Http1>(*connection);
    connection->begin(protocol);
    peers_by_descriptor_[index] = Pistache::Tcp::Peer::Create(descriptor, address);
    handleNewPeer(peers_by_descriptor_[index]);
    by_descriptor_[index] = connection;
    set_interest(descriptor, true, false);  // level-triggered: no short read can lose the end of the input
    if (refuse && server().tls) {           // an answer would need a handshake first
      connection->abort();
    } else if (refuse) {
      protocol->refuse_full();
      connection->settle();
    } else if (server().draining) {
      connection->drain();
    }
  } catch (const std::exception& error) {
    observability::log(observability::Level::error, "http", std::string("a connection was dropped: ") + error.what());
    if (by_descriptor_[index]) return by_descriptor_[index]->abort();
    peers_by_descriptor_[index].reset();
    ::close(descriptor);
    server().connection_closed();
  }
}

void Transport::drain(bool now) {
  box()->post([this, now] {
    for (const auto& connection : snapshot()) {
      if (now) {
        connection->abort();
      } else {
        connection->drain();
      }
    }
  });
}

void Transport::set_interest(int descriptor, bool read, bool write) {
  auto events = polling::NotifyOn::None;
  if (read) events = events | polling::NotifyOn::Read;
  if (write) events = events | polling::NotifyOn::Write;
  reactor()->modifyFd(key(), descriptor, events, polling::Mode::Level);
}

void Transport::remove(Connection& connection) {
  const auto index = static_cast<std::size_t>(connection.descriptor());
  removed_.push_back(std::move(by_descriptor_[index]));
  by_descriptor_[index] = nullptr;
  const auto peer = std::move(peers_by_descriptor_[index]);
  if (box()->in_thread()) removePeer(peer);  // else the reactor has ended: the destructor closes
  server().connection_closed();
}

}  // namespace kernel::http
