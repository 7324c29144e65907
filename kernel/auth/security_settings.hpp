#pragma once
#include "settings/registry.hpp"

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace kernel::auth {

enum class RegistrationMode : std::uint8_t { open, approval, closed };
constexpr auto names_of(RegistrationMode) { return std::array<std::string_view, 3>{"open", "approval", "closed"}; }

/// The category "security" of the settings. Read where it is used, so that a change applies to the next request.
struct SecuritySettings {
  static constexpr const char* category = "security";

  RegistrationMode registration = RegistrationMode::approval;
  bool mfa_required = false;
  std::int64_t access_token_ttl_seconds = 900;
  std::int64_t refresh_token_ttl_seconds = 30 * 24 * 3600;
  std::int64_t session_idle_timeout_seconds = 7 * 24 * 3600;
  std::int64_t max_failed_logins = 10;
  std::int64_t lockout_seconds = 300;
  std::int64_t max_sessions_per_user = 50;

  /// With the initialisers above as defaults.
  static std::vector<settings::Definition> definitions();
  /// [any thread] From memory.
  static SecuritySettings read(const settings::Registry& registry);
};

}  // namespace kernel::auth
