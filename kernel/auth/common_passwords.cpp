#include "auth/common_passwords.hpp"

#include <algorithm>
#include <string>

namespace kernel::auth {
namespace {

constexpr std::size_t shortest_word = 4, longest_piece = 4;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (static_cast<unsigned char>(c) & 0x80) != 0; }

std::string lower(std::string_view text) {
  std::string made(text);
  for (char& c : made)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  return made;
}

/// Without the digits and signs at both ends.
std::string_view core(std::string_view text) {
  while (!text.empty() && !is_letter(text.front())) text.remove_prefix(1);
  while (!text.empty() && !is_letter(text.back())) text.remove_suffix(1);
  return text;
}

bool is_listed(std::string_view word) {
  // Lines are of different lengths: halve the text, then go back to where the line in the middle begins.
  const std::string_view list = common_password_list;
  std::size_t low = 0, high = list.size();
  while (low < high) {
    std::size_t begin = low + (high - low) / 2;
    while (begin > low && list[begin - 1] != '\n') --begin;
    const std::size_t end = list.find('\n', begin);
    const int order = list.substr(begin, end - begin).compare(word);
    if (order == 0) return true;
    if (order < 0)
      low = end + 1;
    else
      high = begin;
  }
  return false;
}

/// The shortest piece that gives the text when repeated; the text itself where there is none.
std::string_view piece_of(std::string_view text) {
  for (std::size_t length = 1; length <= text.size() / 2; ++length) {
    if (text.size() % length == 0 && text.substr(length) == text.substr(0, text.size() - length))
      return text.substr(0, length);
  }
  return text;
}

bool is_run(std::string_view text) {
  if (text.size() < 2) return false;
  const auto step = [&](std::size_t at) {
    const char from = text[at], to = text[at + 1];
    if (from == '9' && to == '0') return 1;
    if (from == '0' && to == '9') return -1;
    return to - from;
  };
  const int first = step(0);
  if (first < -1 || first > 1) return false;
  for (std::size_t at = 1; at + 1 < text.size(); ++at)
    if (step(at) != first) return false;
  return true;
}

bool is_weak_word(std::string_view word) {
  const auto piece = piece_of(word);
  const auto bare = core(word);
  return is_listed(word) || (bare.size() >= shortest_word && is_listed(bare)) || is_listed(piece) ||
         piece.size() <= longest_piece || is_run(word);
}

}  // namespace

bool is_common_password(std::string_view password) { return is_weak_word(lower(password)); }

bool is_made_of(std::string_view password, std::string_view name) {
  const std::string whole = lower(password), wanted = lower(name);
  return wanted.size() >= shortest_word && (whole == wanted || core(whole) == wanted || core(whole) == core(wanted));
}

}  // namespace kernel::auth
