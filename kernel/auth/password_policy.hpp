#pragma once
// What a new password must be like. Length counts, not composition (NIST SP 800-63B).
#include "settings/registry.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kernel::auth {

/// The category "password_policy" of the settings.
struct PasswordPolicy {
  static constexpr const char* category = "password_policy";
  static constexpr std::int64_t longest = 512;  ///< characters that any policy can allow

  std::int64_t min_length = 12, max_length = 128;  ///< characters; the bounds of the two never cross
  bool require_uppercase = false, require_lowercase = false, require_digit = false, require_symbol = false;
  bool forbid_common = true;
  std::int64_t history = 3;  ///< former passwords that may not come back

  /// With the initialisers above as defaults.
  static std::vector<settings::Definition> definitions();
  /// [any thread] From memory.
  static PasswordPolicy read(const settings::Registry& registry);

  /// All that is wrong with a new password, in words for its user; nullopt when nothing is.
  std::optional<std::string> fault_of(std::string_view password, std::string_view email) const;
};

}  // namespace kernel::auth
