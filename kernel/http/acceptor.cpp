#include "http/acceptor.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <stdexcept>

namespace kernel::http {
namespace {

constexpr int backlog = 1024;
constexpr int pause_ms = 50;  // when the process has no descriptor left

std::string without_brackets(const std::string& host) {
  return host.size() > 2 && host.front() == '[' && host.back() == ']' ? host.substr(1, host.size() - 2) : host;
}

int listen_on(const addrinfo& address) {
  const int socket = ::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (socket < 0) return -1;
  const int one = 1;
  ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);  // inherited by what is accepted
  if (::bind(socket, address.ai_addr, address.ai_addrlen) == 0 && ::listen(socket, backlog) == 0) return socket;
  const int error = errno;
  ::close(socket);
  errno = error;
  return -1;
}

}  // namespace

Acceptor::Acceptor(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  const auto where = (host.find(':') != std::string::npos && host.front() != '[' ? '[' + host + ']' : host) + ':' +
                     std::to_string(port);
  const auto* advice = "; choose another address by http.listen (--listen)";
  if (const int error = ::getaddrinfo(without_brackets(host).c_str(), std::to_string(port).c_str(), &hints, &found)) {
    throw std::runtime_error("cannot listen on " + where + ": " + ::gai_strerror(error) + advice);
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, ::freeaddrinfo);
  for (auto* at = found; at && listening_ < 0; at = at->ai_next) listening_ = listen_on(*at);
  if (listening_ < 0) throw std::runtime_error("cannot listen on " + where + ": " + std::strerror(errno) + advice);
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  ::getsockname(listening_, reinterpret_cast<sockaddr*>(&bound), &size);
  port_ = ntohs(bound.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(bound).sin6_port
                                            : reinterpret_cast<const sockaddr_in&>(bound).sin_port);
  stop_event_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

Acceptor::~Acceptor() {
  stop();
  ::close(stop_event_);
}

void Acceptor::start(Accepted accepted) {
  accepted_ = std::move(accepted);
  thread_ = std::thread([this] { run(); });
}

void Acceptor::stop() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(stop_event_, &one, sizeof one);
  if (thread_.joinable()) thread_.join();
  if (listening_ >= 0) ::close(listening_);
  listening_ = -1;
}

void Acceptor::run() {
  ::pthread_setname_np(::pthread_self(), "http-accept");
  bool exhausted = false;
  for (;;) {
    std::array<pollfd, 2> watched{pollfd{stop_event_, POLLIN, 0}, pollfd{listening_, POLLIN, 0}};
    ::poll(watched.data(), exhausted ? 1 : 2, exhausted ? pause_ms : -1);
    if (watched[0].revents) return;
    exhausted = false;
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    const int socket = ::accept4(listening_, reinterpret_cast<sockaddr*>(&peer), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket >= 0) {
      accepted_(socket, peer);
    } else {
      exhausted = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
    }
  }
}

}  // namespace kernel::http
