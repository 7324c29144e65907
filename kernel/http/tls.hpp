#pragma once
// TLS for accepted sockets: OpenSSL over a non-blocking descriptor, the handshake inside the connection's own reads.
#include "http/io_result.hpp"

#include <sys/uio.h>

#include <memory>
#include <string>

struct ssl_ctx_st;
struct ssl_st;

namespace kernel::http {

class TlsContext {
 public:
  /// PEM files. Throws std::runtime_error that names the file and the fault.
  TlsContext(const std::string& certificate, const std::string& key);
  ssl_ctx_st* get() const { return context_.get(); }

 private:
  struct Free {
    void operator()(ssl_ctx_st* context) const;
  };
  std::unique_ptr<ssl_ctx_st, Free> context_;
};

class TlsSession {
 public:
  TlsSession(const TlsContext& context, int descriptor);

  IoResult read(char* to, std::size_t most);
  IoResult write(const iovec* vectors, int count);
  /// Decrypted bytes that wait inside OpenSSL, where no poll can see them.
  bool has_buffered() const;
  /// Sends close_notify, if the socket takes it.
  void shutdown_write();

 private:
  struct Free {
    void operator()(ssl_st* session) const;
  };
  IoResult result_of(int returned) const;

  std::unique_ptr<ssl_st, Free> session_;
  bool broken_ = false;  // after a fatal error OpenSSL forbids SSL_shutdown
};

}  // namespace kernel::http
