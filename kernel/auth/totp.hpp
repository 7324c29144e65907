#pragma once
// Codes of an authenticator app: RFC 6238 over RFC 4226 with SHA-1, steps of 30 seconds, and six digits.
#include <atrium/types.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kernel::auth::totp {

inline constexpr std::size_t secret_bytes = 20;  // RFC 4226 recommends 160 bits
inline constexpr int digits = 6;

/// The number of the 30 seconds in which `time` lies, counted from the epoch.
std::int64_t step_at(atrium::Time time);
/// What the app shows during a step. `length`: 6 to 8 digits. [any thread]
std::string code(std::string_view secret, std::int64_t step, int length = digits);
/// The step whose code this is: the one of `now` or a neighbour, since clocks differ and people type slowly. Only steps
/// after `last_step` count, so that a code that was accepted is not accepted again. [any thread]
std::optional<std::int64_t> matching_step(std::string_view secret, std::string_view code, atrium::Time now,
                                          std::int64_t last_step);

/// RFC 4648 section 6, without padding, as apps take a secret that is typed.
std::string base32(std::string_view bytes);
/// What the QR code says. `account` may be any text; `secret` is the bytes.
std::string otpauth_uri(std::string_view account, std::string_view secret);

}  // namespace kernel::auth::totp
