#include "text.hpp"

#include <algorithm>

namespace files {
namespace {

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U; }

std::size_t announced_length(unsigned char first) {
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return 2;
  if (first >= 0xe0 && first <= 0xef) return 3;
  if (first >= 0xf0 && first <= 0xf4) return 4;
  return 0;
}

/// The second byte's range is narrower behind some first bytes.
bool second_fits(unsigned char first, unsigned char second) {
  const unsigned char least = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  const unsigned char most = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  return second >= least && second <= most;
}

}  // namespace

std::size_t utf8_sequence(std::string_view text) {
  if (text.empty()) return 0;
  const auto length = announced_length(static_cast<unsigned char>(text[0]));
  if (length <= 1) return length;
  if (text.size() < length || !second_fits(static_cast<unsigned char>(text[0]), static_cast<unsigned char>(text[1])))
    return 0;
  return std::all_of(text.begin() + 1, text.begin() + static_cast<std::ptrdiff_t>(length), continues) ? length : 0;
}

char32_t code_point(std::string_view sequence) {
  static constexpr unsigned char first_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
  char32_t value = static_cast<unsigned char>(sequence[0]) & first_bits[sequence.size()];
  for (const char c : sequence.substr(1)) value = (value << 6U) | (static_cast<unsigned char>(c) & 0x3fU);
  return value;
}

std::size_t utf8_prefix(std::string_view text) {
  std::size_t at = 0;
  while (const auto length = utf8_sequence(text.substr(at))) at += length;
  return at;
}

bool is_cut_sequence(std::string_view rest) {
  if (rest.empty() || rest.size() >= announced_length(static_cast<unsigned char>(rest[0]))) return false;
  if (rest.size() > 1 && !second_fits(static_cast<unsigned char>(rest[0]), static_cast<unsigned char>(rest[1])))
    return false;
  return std::all_of(rest.begin() + 1, rest.end(), continues);
}

std::string base64(std::string_view bytes) {
  static constexpr char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const auto byte = [&](std::size_t at) {
      return at < bytes.size() ? static_cast<unsigned>(static_cast<unsigned char>(bytes[at])) : 0U;
    };
    const unsigned bits = byte(i) << 16U | byte(i + 1) << 8U | byte(i + 2);
    out += alphabet[bits >> 18U];
    out += alphabet[bits >> 12U & 63U];
    out += i + 1 < bytes.size() ? alphabet[bits >> 6U & 63U] : '=';
    out += i + 2 < bytes.size() ? alphabet[bits & 63U] : '=';
  }
  return out;
}

}  // namespace files
