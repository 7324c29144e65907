#include "auth/security_settings.hpp"

#include "auth/sql.hpp"

namespace kernel::auth {
namespace {

struct Number {
  std::string_view key;
  std::int64_t SecuritySettings::*field;
  std::int64_t least, most;
};
constexpr std::int64_t year = 365 * 24 * 3600;
constexpr std::array numbers{
    Number{"access_token_ttl_seconds", &SecuritySettings::access_token_ttl_seconds, 10, 24 * 3600},
    Number{"refresh_token_ttl_seconds", &SecuritySettings::refresh_token_ttl_seconds, 60, year},
    Number{"max_failed_logins", &SecuritySettings::max_failed_logins, 1, 1000},
    Number{"lockout_seconds", &SecuritySettings::lockout_seconds, 1, 24 * 3600},
    Number{"max_sessions_per_user", &SecuritySettings::max_sessions_per_user, 1, 1000},
};

}  // namespace

SecuritySettings SecuritySettings::read(storage::Database& database) {
  SecuritySettings settings;
  query(database, "SELECT key, value FROM settings WHERE category = 'security'", [&](storage::Row row) {
    const std::string key = text_at(row, 0);
    const auto value = atrium::Json::parse(text_at(row, 1), nullptr, false);
    if (key == "registration" && value.is_string())
      settings.registration =
          atrium::enum_from<RegistrationMode>(value.get_ref<const std::string&>()).value_or(settings.registration);
    for (const Number& number : numbers) {
      if (key != number.key || !value.is_number_integer()) continue;
      const auto whole = value.get<std::int64_t>();
      if (whole >= number.least && whole <= number.most) settings.*number.field = whole;
    }
    return true;
  });
  return settings;
}

}  // namespace kernel::auth
