#include "storage/digest.hpp"

#include "storage/database.hpp"

#include <openssl/hmac.h>

#include <array>

namespace kernel::storage {
namespace {

using Digest = std::array<unsigned char, EVP_MAX_MD_SIZE>;

void require(bool success) {
  if (!success) throw SqlError(ATRIUM_E_INTERNAL, "OpenSSL could not make a checksum");
}

std::string_view view(const Digest& digest, unsigned int length) {
  return {reinterpret_cast<const char*>(digest.data()), length};
}

}  // namespace

Sha256::Sha256() : context_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {
  require(context_ && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
}

void Sha256::update(std::string_view data) { require(EVP_DigestUpdate(context_.get(), data.data(), data.size()) == 1); }

std::string Sha256::hex() {
  Digest digest;
  unsigned int length = 0;
  require(EVP_DigestFinal_ex(context_.get(), digest.data(), &length) == 1);
  return to_hex(view(digest, length));
}

std::string to_hex(std::string_view bytes) {
  std::string hex;
  hex.reserve(2 * bytes.size());
  for (const unsigned char byte : bytes) {
    hex += "0123456789abcdef"[byte >> 4];
    hex += "0123456789abcdef"[byte & 15];
  }
  return hex;
}

std::string sha256_hex(std::string_view text) {
  Sha256 sha256;
  sha256.update(text);
  return sha256.hex();
}

std::string hmac_sha256(std::string_view key, std::string_view message) {
  Digest code;
  unsigned int length = 0;
  require(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
               reinterpret_cast<const unsigned char*>(message.data()), message.size(), code.data(),
               &length) != nullptr);
  return std::string(view(code, length));
}

}  // namespace kernel::storage
