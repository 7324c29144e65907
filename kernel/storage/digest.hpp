#pragma once
// SHA-256 and HMAC-SHA256, by OpenSSL. Failures (no memory) are SqlError's ATRIUM_E_INTERNAL.
#include <openssl/evp.h>

#include <memory>
#include <string>
#include <string_view>

namespace kernel::storage {

/// Of bytes that come piece by piece.
class Sha256 {
 public:
  Sha256();
  void update(std::string_view data);
  std::string hex();  ///< once

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

std::string to_hex(std::string_view bytes);
std::string sha256_hex(std::string_view text);
std::string hmac_sha256(std::string_view key, std::string_view message);  ///< 32 bytes

}  // namespace kernel::storage
