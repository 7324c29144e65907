#pragma once
// UTF-8 and base64.
#include <string>
#include <string_view>

namespace files {

/// The length of the UTF-8 sequence at the beginning; 0 when there is none (RFC 3629: no overlong forms, surrogates or
/// anything past U+10FFFF).
std::size_t utf8_sequence(std::string_view text);
/// The code point of a sequence that utf8_sequence() found.
char32_t code_point(std::string_view sequence);
/// How many bytes at the beginning are UTF-8.
std::size_t utf8_prefix(std::string_view text);
/// True for the beginning of a sequence that more bytes could complete.
bool is_cut_sequence(std::string_view rest);

std::string base64(std::string_view bytes);

}  // namespace files
