#pragma once
// One connected socket, with or without TLS, driven by readiness: no buffer is held while it waits.
#include "egress/tls.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <string>
#include <utility>

namespace kernel::egress {

/// On the client's I/O thread only.
class Connection {
 public:
  enum class Io : std::uint8_t { done, want_read, want_write, end, failed };
  struct Result {
    Io io;
    std::size_t bytes = 0;
  };

  explicit Connection(boost::asio::ip::tcp::socket connected) : socket_(std::move(connected)) {}
  boost::asio::ip::tcp::socket& socket() { return socket_; }
  /// First: makes the socket non-blocking. False: `failure()` says why.
  bool begin(SSL_CTX* context_or_null, const std::string& host, bool numeric);
  Result handshake();
  Result read(char* into, std::size_t size);
  Result write(const char* from, std::size_t size);
  /// Whether the peer has neither closed nor sent anything since the last answer.
  bool still_idle();
  bool tls() const { return session_ != nullptr; }
  const std::string& failure() const { return failure_; }

  std::string reuse_key;  ///< what another exchange must have in common to take this connection over

 private:
  Result plain_result(long count);
  Result tls_result(int code, std::size_t bytes);

  boost::asio::ip::tcp::socket socket_;
  TlsSession session_;  // after the socket: freed first
  std::string failure_;
};

}  // namespace kernel::egress
