#pragma once
// Bytes and text for everything secret: random bytes, digests, strict base64url, comparison in constant time.
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace kernel::auth {

/// From the system's generator. [any thread]
std::string random_bytes(std::size_t count);
/// 32 bytes.
std::string sha256(std::string_view bytes);
/// 64 lower-case digits: the form in which tokens are stored.
std::string sha256_hex(std::string_view bytes);
/// RFC 4648 section 5, without padding.
std::string base64url(std::string_view bytes);
/// Takes only the canonical form: no padding, no white space, unused bits zero. nullopt otherwise.
std::optional<std::string> base64url_decoded(std::string_view text);
/// Takes as long for a near miss as for a far one; the lengths may show.
bool equal_in_constant_time(std::string_view a, std::string_view b);

}  // namespace kernel::auth
