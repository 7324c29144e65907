#include "filename.hpp"

#include "text.hpp"

namespace files {
namespace {

constexpr std::size_t max_bytes = 255, max_extension = 20;

/// Controls, and marks that turn the reading direction, with which "exe.txt" is shown for what is "txt.exe".
bool is_hidden(char32_t c) {
  return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x061c || (c >= 0x200b && c <= 0x200f) ||
         (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff;
}

std::string visible(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto length = utf8_sequence(text);
    if (length == 0)
      out += "\xef\xbf\xbd";  // U+FFFD
    else if (!is_hidden(code_point(text.substr(0, length))))
      out += text.substr(0, length);
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out;
}

std::string shortened(const std::string& name) {
  if (name.size() <= max_bytes) return name;
  const auto dot = name.rfind('.');
  const auto extension =
      dot != name.npos && name.size() - dot <= max_extension ? std::string_view(name).substr(dot) : std::string_view();
  const auto stem = std::string_view(name).substr(0, max_bytes - extension.size());
  return std::string(stem.substr(0, utf8_prefix(stem))).append(extension);
}

bool is_attribute_character(char c) {  // RFC 8187
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$&+-.^_`|~").find(c) != std::string_view::npos;
}

}  // namespace

std::string display_name(std::string_view sent) {
  if (const auto cut = sent.find_last_of("/\\"); cut != sent.npos) sent.remove_prefix(cut + 1);
  std::string name = visible(sent);
  const auto first = name.find_first_not_of(' '), last = name.find_last_not_of(' ');
  name = first == name.npos ? std::string() : name.substr(first, last - first + 1);
  if (name.find_first_not_of('.') == name.npos) return "file";
  return shortened(name);
}

std::string content_disposition(std::string_view name) {
  std::string plain, whole;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    const bool inside_sequence = byte >= 0x80 && byte < 0xc0;  // one '_' stands for a whole character
    if (!inside_sequence) plain += byte >= 0x20 && byte < 0x7f && c != '"' && c != '\\' && c != '%' ? c : '_';
    if (is_attribute_character(c)) {
      whole += c;
    } else {
      static constexpr char digits[] = "0123456789ABCDEF";
      whole.append(1, '%').append(1, digits[byte >> 4U]).append(1, digits[byte & 15U]);
    }
  }
  return "attachment; filename=\"" + plain + "\"; filename*=UTF-8''" + whole;
}

}  // namespace files
