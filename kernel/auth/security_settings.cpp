#include "auth/security_settings.hpp"

#include <string>

namespace kernel::auth {
namespace {

struct Number {
  const char* key;
  std::int64_t SecuritySettings::*field;
  std::int64_t least, most;
  const char *unit, *description;
};
constexpr std::int64_t day = 24 * 3600, year = 365 * day;
constexpr std::array numbers{
    Number{"access_token_ttl_seconds", &SecuritySettings::access_token_ttl_seconds, 10, day, "seconds",
           "How long an access token works; then it is refreshed"},
    Number{"refresh_token_ttl_seconds", &SecuritySettings::refresh_token_ttl_seconds, 60, year, "seconds",
           "How long a session that is not refreshed lives"},
    Number{"session_idle_timeout_seconds", &SecuritySettings::session_idle_timeout_seconds, 10, year, "seconds",
           "A session that nobody used for so long has ended; a request and a refresh are uses"},
    Number{"max_failed_logins", &SecuritySettings::max_failed_logins, 1, 1000, "",
           "Failed logins of one account after which further ones are held back"},
    Number{"lockout_seconds", &SecuritySettings::lockout_seconds, 1, day, "seconds",
           "How long they are held back; sessions that live go on"},
    Number{"max_sessions_per_user", &SecuritySettings::max_sessions_per_user, 1, 1000, "",
           "Where one more begins, the oldest ends"},
};

}  // namespace

std::vector<settings::Definition> SecuritySettings::definitions() {
  const SecuritySettings standard;
  settings::Definition registration;
  registration.category = category;
  registration.key = "registration";
  registration.standard = atrium::name_of(standard.registration);
  registration.description = "Who registers becomes a member at once (open), waits for an admin (approval), or may not";
  for (const auto name : names_of(RegistrationMode{})) registration.choices.emplace_back(name);
  settings::Definition mfa;
  mfa.category = category;
  mfa.key = "mfa_required";
  mfa.type = settings::Type::boolean;
  mfa.standard = standard.mfa_required;
  mfa.description = "Everybody has to set up a second factor before anything else";
  std::vector<settings::Definition> all{std::move(registration), std::move(mfa)};
  for (const Number& number : numbers) {
    settings::Definition& made = all.emplace_back();
    made.category = category;
    made.key = number.key;
    made.type = settings::Type::integer;
    made.standard = standard.*number.field;
    made.description = number.description;
    made.minimum = static_cast<double>(number.least);
    made.maximum = static_cast<double>(number.most);
    made.unit = number.unit;
  }
  return all;
}

SecuritySettings SecuritySettings::read(const settings::Registry& registry) {
  SecuritySettings read;
  const auto registration = registry.value(category, "registration");
  read.registration = atrium::enum_from<RegistrationMode>(registration.get_ref<const std::string&>()).value();
  read.mfa_required = registry.value(category, "mfa_required").get<bool>();
  for (const Number& number : numbers) read.*number.field = registry.value(category, number.key).get<std::int64_t>();
  return read;
}

}  // namespace kernel::auth
