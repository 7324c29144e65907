#pragma once
#include "storage/database.hpp"

#include <array>
#include <cstdint>
#include <string_view>

namespace kernel::auth {

enum class RegistrationMode : std::uint8_t { open, approval, closed };
constexpr auto names_of(RegistrationMode) { return std::array<std::string_view, 3>{"open", "approval", "closed"}; }

/// The category "security" of the settings table, JSON values; what is absent or out of range has its default. Read
/// where it is used, so that a change applies to the next request.
struct SecuritySettings {
  RegistrationMode registration = RegistrationMode::approval;
  std::int64_t access_token_ttl_seconds = 900;
  std::int64_t refresh_token_ttl_seconds = 30 * 24 * 3600;
  std::int64_t max_failed_logins = 10;
  std::int64_t lockout_seconds = 300;
  std::int64_t max_sessions_per_user = 50;

  /// Waits where the database is not local.
  static SecuritySettings read(storage::Database& database);
};

}  // namespace kernel::auth
