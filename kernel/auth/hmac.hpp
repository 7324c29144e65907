#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace kernel::auth {

/// HMAC-SHA256 with one key. Each thread keeps a context that has taken the key already, which makes a short message
/// several times cheaper than the one-shot function.
class HmacSha256 {
 public:
  using Tag = std::array<unsigned char, 32>;
  explicit HmacSha256(std::string key);
  /// [any thread] Throws std::runtime_error when OpenSSL cannot (no memory).
  Tag tag(std::string_view message) const;

 private:
  std::string key_;
  std::uint64_t number_;  ///< tells instances apart in the threads' stores; an address might be used again
};

/// HMAC-SHA1, which the codes of authenticator apps are made of. Throws as HmacSha256 does. [any thread]
std::array<unsigned char, 20> hmac_sha1(std::string_view key, std::string_view message);

}  // namespace kernel::auth
