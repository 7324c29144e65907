#include "egress/tls.hpp"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <stdexcept>

namespace kernel::egress {
namespace {

std::string last_error() {
  char text[256] = "unknown";
  const auto code = ERR_get_error();
  if (code != 0) ERR_error_string_n(code, text, sizeof text);
  ERR_clear_error();
  return text;
}

}  // namespace

TlsContext make_tls_context(const std::string& ca_file) {
  TlsContext context(SSL_CTX_new(TLS_client_method()));
  if (!context) throw std::runtime_error("egress: no TLS: " + last_error());
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  // An idle session then holds no buffers, so a thousand waiting exchanges stay small.
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  const bool loaded = ca_file.empty() ? SSL_CTX_set_default_verify_paths(context.get()) == 1
                                      : SSL_CTX_load_verify_file(context.get(), ca_file.c_str()) == 1;
  if (!loaded) throw std::runtime_error("egress: cannot read the CA certificates of " + ca_file + ": " + last_error());
  return context;
}

TlsSession make_tls_session(SSL_CTX* context, int socket, const std::string& host, bool numeric) {
  TlsSession session(SSL_new(context));
  if (!session) return nullptr;
  SSL_set_hostflags(session.get(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  const bool named = numeric ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session.get()), host.c_str()) == 1
                             : SSL_set1_host(session.get(), host.c_str()) == 1 &&
                                   SSL_set_tlsext_host_name(session.get(), host.c_str()) == 1;
  if (!named || SSL_set_fd(session.get(), socket) != 1) return nullptr;
  SSL_set_connect_state(session.get());
  return session;
}

std::string tls_failure(const SSL* session) {
  const auto verified = SSL_get_verify_result(session);
  if (verified == X509_V_OK) return last_error();
  ERR_clear_error();
  return std::string("the certificate is refused: ") + X509_verify_cert_error_string(verified);
}

}  // namespace kernel::egress
