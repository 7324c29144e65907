#include "auth/auth.hpp"

#include "auth/password_policy.hpp"
#include "auth/security_settings.hpp"

#include <atrium/types.hpp>

#include <chrono>

namespace kernel::auth {
namespace {

using namespace std::chrono_literals;
constexpr auto keep_ended_sessions = std::chrono::hours(24 * 7);

}  // namespace

Auth::Auth(storage::Database& database, settings::Registry& settings, const Keys& keys,
           const std::filesystem::path& data_directory, Passwords::Options password_options)
    : passwords(password_options),
      access_tokens(keys.jwt),
      sessions(database),
      api_keys(database),
      issued_tokens(database),
      refresh_tokens(sessions),
      users(database, settings, passwords, sessions, api_keys),
      mfa(database, sessions, api_keys, keys.mfa),
      setup_token(data_directory),
      registration(database, settings, passwords, users, setup_token),
      sign_in({database, settings, passwords, users, sessions, refresh_tokens, access_tokens, throttle, mfa}),
      links(keys.presign),
      authenticator(database, access_tokens, sessions, api_keys, issued_tokens, links),
      settings_(settings) {
  auto declared = SecuritySettings::definitions();
  for (auto&& more : {PasswordPolicy::definitions(), HashingCost::definitions()})
    declared.insert(declared.end(), more.begin(), more.end());
  settings.declare("kernel", std::move(declared));
  settings_changes_ = settings.on_change([this] { apply_settings(); });
  apply_settings();
}

void Auth::apply_settings() {
  passwords.set_cost(HashingCost::read(settings_));
  const auto security = SecuritySettings::read(settings_);
  authenticator.require_mfa(security.mfa_required);
  sessions.set_idle_timeout(std::chrono::seconds(security.session_idle_timeout_seconds));
}

void Auth::start(events::Log& events, jobs::Jobs& jobs) {
  registration.prepare();
  ends_ = events.live([this](const events::EventPtr& event) { end_what_ended(*event); });
  store_uses_ = jobs.every(2s, [this] {
    sessions.store_seen_when_due();
    api_keys.store_last_uses();
  });
  sweep_ = jobs.every(10min, [this] { sessions.sweep(keep_ended_sessions); });
}

void Auth::stop() {
  ends_.reset();
  store_uses_.reset();
  sweep_.reset();
}

void Auth::end_what_ended(const storage::Event& event) {
  if (event.topic == session_ended_topic) {
    sessions.forget(event.resource_id);
  } else if (event.topic == mfa_enabled_topic || event.topic == mfa_disabled_topic) {
    sessions.note_mfa(event.resource_id, event.topic == mfa_enabled_topic);
    api_keys.forget_owner(event.resource_id);
  } else if (event.topic == api_key_revoked_topic) {
    api_keys.forget(event.resource_id);
  } else if (event.topic == user_updated_topic || event.topic == token_revoked_topic) {
    const auto data = atrium::Json::parse(event.data, nullptr, false);
    if (!data.is_object()) return;
    if (event.topic == token_revoked_topic) return issued_tokens.forget(data.value("kind", ""), data.value("id", ""));
    const bool active = data.value("status", "") == atrium::name_of(UserStatus::active);
    api_keys.note_owner(event.resource_id, data.value("role", ""), active);
  }
}

}  // namespace kernel::auth
