#include "auth/user.hpp"

namespace kernel::auth {
namespace {

constexpr std::size_t max_email_bytes = 254, max_local_bytes = 64;  // RFC 5321

}  // namespace

std::optional<std::string> normalised_email(std::string_view email) {
  const auto at = email.find('@');
  if (email.size() > max_email_bytes || at == email.npos || at == 0 || at > max_local_bytes || at + 1 == email.size() ||
      email.find('@', at + 1) != email.npos || email.back() == '.')
    return std::nullopt;
  std::string normalised;
  normalised.reserve(email.size());
  for (const char c : email) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte == 0x7f) return std::nullopt;
    normalised += c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  }
  return normalised;
}

}  // namespace kernel::auth
