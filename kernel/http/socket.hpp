#pragma once
// A connected, non-blocking socket, in the clear or under TLS. Does not own the descriptor: Pistache's Peer table does.
#include "http/io_result.hpp"
#include "http/tls.hpp"

#include <sys/uio.h>

#include <memory>

namespace kernel::http {

class Socket {
 public:
  Socket(int descriptor, std::unique_ptr<TlsSession> tls) : descriptor_(descriptor), tls_(std::move(tls)) {}

  int descriptor() const { return descriptor_; }
  bool is_tls() const { return tls_ != nullptr; }
  IoResult read(char* to, std::size_t most);
  IoResult write(const iovec* vectors, int count);
  bool has_buffered() const { return tls_ && tls_->has_buffered(); }
  /// Nothing more will be sent; what the other side sends can still be read.
  void shutdown_write();

 private:
  int descriptor_;
  std::unique_ptr<TlsSession> tls_;
};

}  // namespace kernel::http
