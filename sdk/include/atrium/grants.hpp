#pragma once
// What plugin.json lists and what it grants by that: the same rules in the kernel and in the fake host.
#include <algorithm>
#include <string_view>
#include <vector>

namespace atrium::grants {

/// Whether "kind/name" is what "kind/name" or "kind/*" asks for.
inline bool service(std::string_view listed, std::string_view name) {
  if (!listed.ends_with("/*")) return listed == name;
  listed.remove_suffix(1);
  return name.starts_with(listed);
}

/// Whether a route's pattern is the listed path or stands below it: "/tasks" grants "/tasks/{id}".
inline bool route(std::string_view listed, std::string_view pattern) {
  return pattern.starts_with(listed) && (pattern.size() == listed.size() || pattern[listed.size()] == '/');
}

/// Whether a host's name, in any case, is the listed one; "*.example.org" grants every name below example.org, and not
/// example.org itself.
inline bool host(std::string_view listed, std::string_view name) {
  const auto of_a_name = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  };
  if (!std::all_of(name.begin(), name.end(), of_a_name))
    return false;  // such as an address with a zone: ::1%.example.org
  if (name.ends_with('.')) name.remove_suffix(1);
  const bool below = listed.starts_with("*.");
  if (below) listed.remove_prefix(1);
  if (below ? name.size() <= listed.size() : name.size() != listed.size()) return false;
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(listed.begin(), listed.end(), name.end() - static_cast<std::ptrdiff_t>(listed.size()),
                    [&](char a, char b) { return a == lower(b); });
}

/// Whether one of those listed grants it: any(manifest.routes, atrium::grants::route, "/tasks/{id}").
template <class Items, class Rule>
bool any(const Items& listed, Rule rule, std::string_view wanted) {
  return std::any_of(listed.begin(), listed.end(), [&](const auto& item) { return rule(item, wanted); });
}

}  // namespace atrium::grants
