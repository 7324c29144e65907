#pragma once
// Secrets and signatures after Standard Webhooks 1.0, symmetric: HMAC-SHA256, "whsec_" and "v1,".
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace webhooks {

/// A secret of 32 random bytes: "whsec_...".
std::string make_secret();
/// The key in a secret; nullopt unless it is whsec_ and 24 to 64 bytes in padded base64.
std::optional<std::string> key_of(std::string_view secret);
/// "v1,BASE64" over "ID.TIMESTAMP.BODY".
std::string sign(std::string_view key, std::string_view id, std::int64_t timestamp, std::string_view body);

}  // namespace webhooks
