#include "http/tls.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>

namespace kernel::http {
namespace {

constexpr std::size_t record_size = 16 * 1024;

std::string last_error() {
  std::array<char, 256> text{};
  ERR_error_string_n(ERR_get_error(), text.data(), text.size());
  ERR_clear_error();
  return text.data();
}

int prefer_http_1_1(ssl_st*, const unsigned char** out, unsigned char* out_length, const unsigned char* in,
                    unsigned int in_length, void*) {
  static constexpr unsigned char offered[] = "\x08http/1.1";
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_length, offered, sizeof offered - 1, in, in_length) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

void TlsContext::Free::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }
void TlsSession::Free::operator()(ssl_st* session) const { SSL_free(session); }

TlsContext::TlsContext(const std::string& certificate, const std::string& key)
    : context_(SSL_CTX_new(TLS_server_method())) {
  if (!context_) throw std::runtime_error("TLS cannot be set up: " + last_error());
  auto* context = context_.get();
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                   SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context,
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20");
  SSL_CTX_set_alpn_select_cb(context, prefer_http_1_1, nullptr);
  if (SSL_CTX_use_certificate_chain_file(context, certificate.c_str()) != 1) {
    throw std::runtime_error("The TLS certificate " + certificate + " cannot be used: " + last_error());
  }
  if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1) {
    throw std::runtime_error("The TLS key " + key + " cannot be used: " + last_error());
  }
  if (SSL_CTX_check_private_key(context) != 1) {
    throw std::runtime_error("The TLS key " + key + " does not belong to the certificate " + certificate + ".");
  }
}

TlsSession::TlsSession(const TlsContext& context, int descriptor) : session_(SSL_new(context.get())) {
  if (!session_ || SSL_set_fd(session_.get(), descriptor) != 1) {
    throw std::runtime_error("A TLS session cannot be made: " + last_error());
  }
  SSL_set_accept_state(session_.get());
}

IoResult TlsSession::read(char* to, std::size_t most) {
  ERR_clear_error();
  const int got = SSL_read(session_.get(), to, static_cast<int>(std::min<std::size_t>(most, 1 << 30)));
  if (got > 0) return {IoResult::Status::ok, static_cast<std::size_t>(got)};
  const auto result = result_of(got);
  broken_ |= result.status == IoResult::Status::failed;
  return result;
}

IoResult TlsSession::write(const iovec* vectors, int count) {
  // Small pieces share a record. A retry gathers the same bytes again, and more, as OpenSSL demands.
  static thread_local std::array<char, record_size> record;
  std::size_t length = 0;
  const void* from = vectors[0].iov_base;
  if (count > 1 && vectors[0].iov_len < record_size) {
    for (int i = 0; i < count && length < record_size; ++i) {
      const auto part = std::min(vectors[i].iov_len, record_size - length);
      std::memcpy(record.data() + length, vectors[i].iov_base, part);
      length += part;
    }
    from = record.data();
  } else {
    length = std::min(vectors[0].iov_len, record_size);
  }
  ERR_clear_error();
  const int sent = SSL_write(session_.get(), from, static_cast<int>(length));
  if (sent > 0) return {IoResult::Status::ok, static_cast<std::size_t>(sent)};
  const auto result = result_of(sent);
  broken_ |= result.status == IoResult::Status::failed;
  return result;
}

IoResult TlsSession::result_of(int returned) const {
  switch (SSL_get_error(session_.get(), returned)) {
    case SSL_ERROR_WANT_READ:
      return {IoResult::Status::would_block, 0};
    case SSL_ERROR_WANT_WRITE:
      return {IoResult::Status::wants_write, 0};
    case SSL_ERROR_ZERO_RETURN:
      return {IoResult::Status::ended, 0};
    default:
      ERR_clear_error();
      return {IoResult::Status::failed, 0};
  }
}

bool TlsSession::has_buffered() const { return SSL_pending(session_.get()) > 0; }

void TlsSession::shutdown_write() {
  if (broken_ || SSL_in_init(session_.get())) return;
  ERR_clear_error();
  SSL_shutdown(session_.get());
  ERR_clear_error();
}

}  // namespace kernel::http
