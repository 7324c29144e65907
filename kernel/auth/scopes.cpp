#include "auth/scopes.hpp"

#include <algorithm>

namespace kernel::auth {
namespace {

std::string_view area_of(std::string_view pattern) {
  pattern.remove_prefix(pattern.starts_with('/') ? 1 : 0);
  return pattern.substr(0, pattern.find('/'));
}

std::string_view verb_of(const Operation& operation) { return operation.write ? "write" : "read"; }

/// Whether `text` is `left`, `separator`, `right`.
bool is(std::string_view text, std::string_view left, char separator, std::string_view right) {
  return text.size() == left.size() + 1 + right.size() && text.starts_with(left) && text[left.size()] == separator &&
         text.ends_with(right);
}

}  // namespace

bool covers(std::string_view scope, const Operation& operation) {
  return is(scope, "*", ':', verb_of(operation)) || is(scope, area_of(operation.pattern), ':', verb_of(operation)) ||
         is(scope, operation.method, ' ', operation.pattern);
}

bool cover(const Scopes& scopes, const Operation& operation) {
  return std::any_of(scopes.begin(), scopes.end(), [&](const auto& scope) { return covers(scope, operation); });
}

Scopes scopes_of(const Operation& operation) {
  return {std::string(area_of(operation.pattern)).append(1, ':').append(verb_of(operation)),
          std::string(operation.method).append(1, ' ').append(operation.pattern)};
}

}  // namespace kernel::auth
