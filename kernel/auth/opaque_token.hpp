#pragma once
// Random tokens that are looked up rather than read: a prefix that says what it is (secret scanners know it by that),
// 32 random bytes, and a checksum, so that a mistyped or cut token never reaches the database.
#include <string>
#include <string_view>

namespace kernel::auth {

inline constexpr std::string_view issued_token_prefix = "atw_", refresh_token_prefix = "atf_", api_key_prefix = "atr_";

/// prefix + base64url(32 random bytes) + 6 characters of checksum. Shown once, never stored.
std::string make_opaque_token(std::string_view prefix);
/// Has the prefix, the length and the right checksum.
bool is_opaque_token(std::string_view token, std::string_view prefix);
/// What is stored of it: SHA-256 as hex. The token is random, so no slow hash is needed.
std::string opaque_token_hash(std::string_view token);

}  // namespace kernel::auth
