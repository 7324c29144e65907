#include "events/log.hpp"

namespace kernel::events {

namespace {

constexpr std::size_t max_pattern = 128;

bool topic_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

}  // namespace

bool matches(std::string_view pattern, std::string_view topic) {
  if (pattern == "*") return true;
  if (!pattern.ends_with(".*")) return pattern == topic;
  const auto prefix = pattern.substr(0, pattern.size() - 1);
  return topic.size() > prefix.size() && topic.starts_with(prefix);
}

bool valid_pattern(std::string_view pattern) {
  if (pattern == "*") return true;
  if (pattern.empty() || pattern.size() > max_pattern) return false;
  if (pattern.ends_with(".*")) pattern.remove_suffix(2);
  bool word = false;
  for (const char c : pattern) {
    if (c == '.' && !word) return false;
    if (c != '.' && !topic_character(c)) return false;
    word = c != '.';
  }
  return word;
}

}  // namespace kernel::events
