#include "auth/opaque_token.hpp"

#include "auth/encoding.hpp"

namespace kernel::auth {
namespace {

constexpr std::size_t random_count = 32, random_chars = 43, checksum_chars = 6;

std::string checksum(std::string_view prefix_and_random) {
  return base64url(sha256(prefix_and_random)).substr(0, checksum_chars);
}

}  // namespace

std::string make_opaque_token(std::string_view prefix) {
  std::string token = std::string(prefix) + base64url(random_bytes(random_count));
  return token + checksum(token);
}

bool is_opaque_token(std::string_view token, std::string_view prefix) {
  if (token.size() != prefix.size() + random_chars + checksum_chars || !token.starts_with(prefix)) return false;
  const auto body = token.substr(0, token.size() - checksum_chars);
  return token.substr(body.size()) == checksum(body);
}

std::string opaque_token_hash(std::string_view token) { return sha256_hex(token); }

}  // namespace kernel::auth
