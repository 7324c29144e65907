#include "http/socket.hpp"

#include <sys/socket.h>

#include <cerrno>

namespace kernel::http {
namespace {

IoResult failure() {
  return {errno == EAGAIN || errno == EWOULDBLOCK ? IoResult::Status::would_block : IoResult::Status::failed, 0};
}

}  // namespace

IoResult Socket::read(char* to, std::size_t most) {
  if (tls_) return tls_->read(to, most);
  ssize_t got = 0;
  do {
    got = ::recv(descriptor_, to, most, 0);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return failure();
  return {got == 0 ? IoResult::Status::ended : IoResult::Status::ok, static_cast<std::size_t>(got)};
}

IoResult Socket::write(const iovec* vectors, int count) {
  if (tls_) return tls_->write(vectors, count);
  ssize_t sent = 0;
  do {
    if (count == 1) {
      sent = ::send(descriptor_, vectors->iov_base, vectors->iov_len, MSG_NOSIGNAL);
    } else {
      msghdr message{};
      message.msg_iov = const_cast<iovec*>(vectors);
      message.msg_iovlen = static_cast<std::size_t>(count);
      sent = ::sendmsg(descriptor_, &message, MSG_NOSIGNAL);
    }
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) return failure();
  return {IoResult::Status::ok, static_cast<std::size_t>(sent)};
}

void Socket::shutdown_write() {
  if (tls_) tls_->shutdown_write();
  ::shutdown(descriptor_, SHUT_WR);
}

}  // namespace kernel::http
