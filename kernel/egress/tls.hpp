#pragma once
// TLS as a client: the peer's certificate and name are always checked.
#include <openssl/ssl.h>

#include <memory>
#include <string>

namespace kernel::egress {

struct FreeSsl {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(SSL* session) const { SSL_free(session); }
};
using TlsContext = std::unique_ptr<SSL_CTX, FreeSsl>;
using TlsSession = std::unique_ptr<SSL, FreeSsl>;

/// TLS 1.2 or newer. ca_file empty: the system's. Throws std::runtime_error.
TlsContext make_tls_context(const std::string& ca_file);
/// A session over a connected socket, which stays the caller's. Null: out of memory.
TlsSession make_tls_session(SSL_CTX* context, int socket, const std::string& host, bool numeric);
/// Why the last operation of this thread failed.
std::string tls_failure(const SSL* session);

}  // namespace kernel::egress
