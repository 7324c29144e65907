#include "egress/connection.hpp"

#include <openssl/err.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace kernel::egress {

bool Connection::begin(SSL_CTX* context_or_null, const std::string& host, bool numeric) {
  boost::system::error_code error;
  socket_.non_blocking(true, error);
  if (!error) socket_.set_option(boost::asio::ip::tcp::no_delay(true), error);
  if (error) failure_ = error.message();
  if (error || !context_or_null) return !error;
  session_ = make_tls_session(context_or_null, socket_.native_handle(), host, numeric);
  if (!session_) failure_ = "no TLS session could be made";
  return session_ != nullptr;
}

Connection::Result Connection::plain_result(long count) {
  if (count > 0) return {Io::done, static_cast<std::size_t>(count)};
  if (count == 0) return {Io::end};
  if (errno == EAGAIN || errno == EWOULDBLOCK) return {Io::want_read};
  failure_ = std::generic_category().message(errno);
  return {Io::failed};
}

Connection::Result Connection::tls_result(int code, std::size_t bytes) {
  if (code == 1) return {Io::done, bytes};
  const int system_error = errno;
  switch (SSL_get_error(session_.get(), code)) {
    case SSL_ERROR_WANT_READ:
      return {Io::want_read};
    case SSL_ERROR_WANT_WRITE:
      return {Io::want_write};
    case SSL_ERROR_ZERO_RETURN:
      return {Io::end};
    case SSL_ERROR_SYSCALL:
      failure_ = system_error != 0 ? std::generic_category().message(system_error) : "closed without a TLS goodbye";
      break;
    default:
      failure_ = tls_failure(session_.get());
  }
  return {Io::failed};
}

Connection::Result Connection::handshake() {
  ERR_clear_error();
  return tls_result(SSL_do_handshake(session_.get()), 0);
}

Connection::Result Connection::read(char* into, std::size_t size) {
  if (!session_) return plain_result(::recv(socket_.native_handle(), into, size, 0));
  ERR_clear_error();
  std::size_t bytes = 0;
  const int code = SSL_read_ex(session_.get(), into, size, &bytes);
  return tls_result(code, bytes);
}

Connection::Result Connection::write(const char* from, std::size_t size) {
  if (!session_) {
    auto result = plain_result(::send(socket_.native_handle(), from, size, MSG_NOSIGNAL));
    if (result.io == Io::want_read) result.io = Io::want_write;
    return result;
  }
  ERR_clear_error();
  std::size_t bytes = 0;
  const int code = SSL_write_ex(session_.get(), from, size, &bytes);
  return tls_result(code, bytes);
}

bool Connection::still_idle() {
  char byte;
  if (!session_) {
    return ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK) < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
  }
  ERR_clear_error();
  std::size_t bytes = 0;  // a session ticket that came meanwhile is taken in here
  const int code = SSL_peek_ex(session_.get(), &byte, 1, &bytes);
  return tls_result(code, bytes).io == Io::want_read;
}

}  // namespace kernel::egress
