#include "observability/printable.hpp"

#include <algorithm>

namespace kernel::observability {
namespace {

unsigned byte(std::string_view text, std::size_t at) { return static_cast<unsigned char>(text[at]); }

char32_t decode(std::string_view text, std::size_t length) {
  constexpr unsigned first_bits[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
  char32_t code = byte(text, 0) & first_bits[length];
  for (std::size_t i = 1; i < length; ++i) code = code << 6 | (byte(text, i) & 0x3F);
  return code;
}

/// Could end the line, move a terminal's cursor or turn its text round.
bool misleads(char32_t code) {
  return code < 0x20 || (code >= 0x7F && code <= 0x9F) || code == 0x2028 || code == 0x2029 ||
         (code >= 0x200E && code <= 0x200F) || (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
}

void append_escaped(std::string& out, std::string_view bytes) {
  constexpr char digits[] = "0123456789abcdef";
  for (const unsigned char value : bytes) {
    out += "\\x";
    out += digits[value >> 4];
    out += digits[value & 15];
  }
}

}  // namespace

std::size_t utf8_length(std::string_view text) {
  if (text.empty()) return 0;
  const unsigned first = byte(text, 0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(text, i) & 0xC0) != 0x80) return 0;
  }
  const char32_t code = decode(text, length);
  const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  return overlong || (code >= 0xD800 && code <= 0xDFFF) || code > 0x10FFFF ? 0 : length;
}

std::string printable(std::string_view text, std::size_t max) {
  std::string out;
  out.reserve(std::min(text.size(), max));
  while (!text.empty()) {
    if (out.size() >= max) return out += "...";
    const std::size_t length = utf8_length(text);
    const auto piece = text.substr(0, std::max<std::size_t>(length, 1));
    if (length == 0 || misleads(decode(piece, length))) {
      append_escaped(out, piece);
    } else {
      out += piece;
    }
    text.remove_prefix(piece.size());
  }
  return out;
}

}  // namespace kernel::observability
