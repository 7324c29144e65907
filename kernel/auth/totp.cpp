#include "auth/totp.hpp"

#include "auth/encoding.hpp"
#include "auth/hmac.hpp"

namespace kernel::auth::totp {
namespace {

constexpr std::int64_t step_seconds = 30, neighbours = 1;
constexpr std::string_view issuer = "Atrium";

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view hex = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '.' || c == '_' || c == '~';
    const auto byte = static_cast<unsigned char>(c);
    if (plain) {
      encoded += c;
    } else {
      encoded += {'%', hex[byte >> 4], hex[byte & 15]};
    }
  }
  return encoded;
}

}  // namespace

std::int64_t step_at(atrium::Time time) { return time.microseconds / 1'000'000 / step_seconds; }

std::string code(std::string_view secret, std::int64_t step, int length) {
  std::string counter(8, '\0');
  for (int i = 7; i >= 0; --i, step >>= 8) counter[static_cast<std::size_t>(i)] = static_cast<char>(step & 0xff);
  const auto tag = hmac_sha1(secret, counter);
  const std::size_t offset = tag.back() & 15;
  std::uint32_t number = tag[offset] & 0x7f;
  for (std::size_t i = 1; i < 4; ++i) number = number << 8 | tag[offset + i];
  std::string shown(static_cast<std::size_t>(length), '0');
  for (auto digit = shown.rbegin(); digit != shown.rend(); ++digit, number /= 10)
    *digit = static_cast<char>('0' + number % 10);
  return shown;
}

std::optional<std::int64_t> matching_step(std::string_view secret, std::string_view given, atrium::Time now,
                                          std::int64_t last_step) {
  const std::int64_t current = step_at(now);
  std::optional<std::int64_t> matching;
  for (std::int64_t step = current - neighbours; step <= current + neighbours; ++step)
    if (equal_in_constant_time(code(secret, step), given) && step > last_step) matching = step;
  return matching;
}

std::string base32(std::string_view bytes) {
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  std::string text;
  std::uint32_t held = 0;
  int bits = 0;
  for (const char c : bytes) {
    held = held << 8 | static_cast<unsigned char>(c);
    for (bits += 8; bits >= 5; bits -= 5) text += alphabet[held >> (bits - 5) & 31];
  }
  if (bits > 0) text += alphabet[held << (5 - bits) & 31];
  return text;
}

std::string otpauth_uri(std::string_view account, std::string_view secret) {
  const std::string by(issuer);
  return "otpauth://totp/" + by + ':' + percent_encoded(account) + "?secret=" + base32(secret) + "&issuer=" + by +
         "&algorithm=SHA1&digits=" + std::to_string(digits) + "&period=" + std::to_string(step_seconds);
}

}  // namespace kernel::auth::totp
