#include "http/server.hpp"

#include "http/acceptor.hpp"
#include "http/transport.hpp"
#include "observability/log.hpp"

#include <arpa/inet.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <vector>

namespace kernel::http {
namespace {

constexpr std::size_t refused_at_once = 64;  // that get an answer; beyond it they are just closed
constexpr std::size_t reserved_descriptors = 256;

std::string printable(const sockaddr_storage& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.ss_family == AF_INET6) {
    const auto& in6 = reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(&in6)) {  // a dual-stack socket's IPv4 client
      ::inet_ntop(AF_INET, in6.s6_addr + 12, text.data(), text.size());
    } else {
      ::inet_ntop(AF_INET6, &in6, text.data(), text.size());
    }
  } else {
    ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(address).sin_addr, text.data(), text.size());
  }
  return text.data();
}

std::size_t connections_below_descriptor_limit(std::size_t wanted) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return wanted;
  const auto descriptors = static_cast<std::size_t>(limit.rlim_cur);
  return std::min(wanted, descriptors - std::min(descriptors / 2, reserved_descriptors + refused_at_once));
}

}  // namespace

class Server::Impl {
 public:
  Impl(ServerOptions options, std::shared_ptr<Dispatcher> dispatcher) : acceptor_(options.host, options.port) {
    std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL
    if (!options.tls_certificate.empty()) {
      state_->tls = std::make_unique<TlsContext>(options.tls_certificate, options.tls_key);
    }
    options.max_connections = connections_below_descriptor_limit(options.max_connections);
    state_->options = std::move(options);
    state_->dispatcher = std::move(dispatcher);
    reactor_->init(
        Pistache::Aio::AsyncContext(static_cast<std::size_t>(std::max(1, state_->options.io_threads)), "http-io"));
    const auto key = reactor_->addHandler(std::make_shared<Transport>(state_));
    for (const auto& handler : reactor_->handlers(key)) {
      loops_.push_back(std::static_pointer_cast<Transport>(handler));
    }
  }

  ~Impl() {
    acceptor_.stop();
    reactor_->shutdown();
    loops_.clear();
    reactor_.reset();  // joins the I/O threads, then ends what is left of their connections
  }

  void start() {
    reactor_->run();
    acceptor_.start([this](int descriptor, const sockaddr_storage& peer) { accepted(descriptor, peer); });
  }

  void drain(std::chrono::milliseconds patience) {
    state_->draining = true;
    acceptor_.stop();
    for (const auto& loop : loops_) loop->drain(false);
    if (state_->wait_until_closed(patience)) return;
    observability::log(observability::Level::warning, "http", "connections were cut off: the time to drain is over");
    for (const auto& loop : loops_) loop->drain(true);
    state_->wait_until_closed(std::chrono::seconds(5));
  }

  std::uint16_t port() const { return acceptor_.port(); }

  ServerCounters counters() const {
    const auto& c = state_->counters;
    return {c.accepted, c.refused_full, c.open, c.websockets, c.parse_faults, c.timeouts, c.slow_dropped};
  }

 private:
  void accepted(int descriptor, const sockaddr_storage& peer) {
    auto& counters = state_->counters;
    const auto open = ++counters.open;
    const bool refuse = open > state_->options.max_connections;
    ++(refuse ? counters.refused_full : counters.accepted);
    if (open > state_->options.max_connections + refused_at_once) {
      ::close(descriptor);
      return state_->connection_closed();
    }
    auto address = peer;
    loops_[next_++ % loops_.size()]->adopt(
        descriptor, Pistache::Address::fromUnix(reinterpret_cast<sockaddr*>(&address)), printable(peer), refuse);
  }

  std::shared_ptr<ServerState> state_ = std::make_shared<ServerState>();
  Acceptor acceptor_;
  std::shared_ptr<Pistache::Aio::Reactor> reactor_ = Pistache::Aio::Reactor::create();
  std::vector<std::shared_ptr<Transport>> loops_;
  std::size_t next_ = 0;
};

Server::Server(ServerOptions options, std::shared_ptr<Dispatcher> dispatcher)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(dispatcher))) {}
Server::~Server() = default;
void Server::start() { impl_->start(); }
std::uint16_t Server::port() const { return impl_->port(); }
ServerCounters Server::counters() const { return impl_->counters(); }
void Server::drain(std::chrono::milliseconds patience) { impl_->drain(patience); }

}  // namespace kernel::http
