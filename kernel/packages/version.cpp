#include "packages/version.hpp"

#include <algorithm>

namespace kernel::packages {
namespace {

std::string_view next_part(std::string_view& text) {
  const auto end = std::min(text.find('.'), text.size());
  const auto part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

bool is_number(std::string_view part) {
  return !part.empty() && std::all_of(part.begin(), part.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// Numbers by value, which is by length and then by digit; a number is below a word.
int compare_parts(std::string_view a, std::string_view b) {
  const bool number = is_number(a);
  if (number != is_number(b)) return number ? -1 : 1;
  if (number && a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  return a.compare(b);
}

int compare_lists(std::string_view a, std::string_view b) {
  while (!a.empty() && !b.empty())
    if (const int order = compare_parts(next_part(a), next_part(b)); order != 0) return order;
  return static_cast<int>(!a.empty()) - static_cast<int>(!b.empty());
}

struct Version {
  std::string_view release, pre;
  explicit Version(std::string_view text) {
    text = text.substr(0, text.find('+'));
    const auto dash = text.find('-');
    release = text.substr(0, dash);
    if (dash != text.npos) pre = text.substr(dash + 1);
  }
};

}  // namespace

int compare_versions(std::string_view first, std::string_view second) {
  const Version a(first), b(second);
  if (const int order = compare_lists(a.release, b.release); order != 0) return order;
  if (a.pre.empty() != b.pre.empty()) return a.pre.empty() ? 1 : -1;
  return compare_lists(a.pre, b.pre);
}

}  // namespace kernel::packages
