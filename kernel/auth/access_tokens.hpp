#pragma once
// Access tokens: JWT with HS256, in exactly the one form that this kernel writes (RFC 7519, RFC 8725).
#include "auth/hmac.hpp"
#include "auth/keys.hpp"

#include <cstdint>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace kernel::auth {

struct AccessClaims {
  std::string user_id, session_id, role;
  std::int64_t issued_at = 0, expires_at = 0;  ///< seconds since 1970
};

enum class TokenFault : std::uint8_t { forged, expired };

/// A token's header must be, byte for byte, the one we write for a key of the ring: there is no algorithm to choose and
/// no `kid` to look up. Its payload is read only after the signature held, and only in the form we write.
class AccessTokens {
 public:
  /// `audience` stands as `iss` and `aud`: a token made for another installation or use does not count here.
  explicit AccessTokens(const KeyRing& ring, std::string audience = "atrium");

  /// [any thread] From now on these sign and verify. Throws std::invalid_argument where there is none.
  void replace_keys(const KeyRing& ring);
  /// [any thread] Ids and role are plain words (no quotes or control characters).
  std::string issue(const AccessClaims& claims) const;
  /// [any thread] About two microseconds; never waits. `now`: seconds since 1970.
  std::variant<AccessClaims, TokenFault> verify(std::string_view token, std::int64_t now) const;

 private:
  struct Signer {
    std::string header;  ///< base64url, with the dot after it
    HmacSha256 hmac;
  };
  mutable std::shared_mutex mutex_;
  std::vector<Signer> signers_;
  std::string payload_begin_;
};

}  // namespace kernel::auth
