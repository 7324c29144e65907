#include "auth/security_settings.hpp"

#include <string>

namespace kernel::auth {
namespace {

using Number = settings::NumberMember<SecuritySettings>;
using Flag = settings::FlagMember<SecuritySettings>;
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
constexpr std::array flags{
    Flag{"mfa_required", &SecuritySettings::mfa_required,
         "Everybody has to set up a second factor before anything else"},
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
  auto all = settings::definitions_of(category, flags, numbers);
  all.insert(all.begin(), std::move(registration));
  return all;
}

SecuritySettings SecuritySettings::read(const settings::Registry& registry) {
  SecuritySettings read;
  const auto registration = registry.value(category, "registration");
  read.registration = atrium::enum_from<RegistrationMode>(registration.get_ref<const std::string&>()).value();
  settings::read_members(read, registry, category, flags, numbers);
  return read;
}

}  // namespace kernel::auth
