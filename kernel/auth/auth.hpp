#pragma once
// Everything of this folder, put together for one database.
#include "auth/access_tokens.hpp"
#include "auth/api_keys.hpp"
#include "auth/issued_tokens.hpp"
#include "auth/keys.hpp"
#include "auth/login_throttle.hpp"
#include "auth/mfa.hpp"
#include "auth/passwords.hpp"
#include "auth/refresh_tokens.hpp"
#include "auth/registration.hpp"
#include "auth/sessions.hpp"
#include "auth/setup_token.hpp"
#include "auth/sign_in.hpp"
#include "auth/signed_links.hpp"
#include "auth/token_authenticator.hpp"
#include "auth/users.hpp"
#include "events/log.hpp"
#include "jobs/jobs.hpp"
#include "settings/registry.hpp"

#include <memory>

namespace kernel::auth {

class Auth {
 public:
  /// Declares the categories of accounts in `settings`.
  Auth(storage::Database& database, settings::Registry& settings, const Keys& keys,
       const std::filesystem::path& data_directory, Passwords::Options password_options = {});
  /// Offers the setup token while there is no account; hears of what ends on other nodes; starts the upkeep.
  void start(events::Log& events, jobs::Jobs& jobs);
  /// Before the log and the jobs end.
  void stop();

  Passwords passwords;
  LoginThrottle throttle;
  AccessTokens access_tokens;
  Sessions sessions;
  ApiKeys api_keys;
  IssuedTokens issued_tokens;
  RefreshTokens refresh_tokens;
  Users users;
  Mfa mfa;
  SetupToken setup_token;
  Registration registration;
  SignIn sign_in;
  SignedLinks links;
  TokenAuthenticator authenticator;

 private:
  void apply_settings();
  void end_what_ended(const storage::Event& event);

  const settings::Registry& settings_;
  std::shared_ptr<void> settings_changes_;
  std::unique_ptr<events::Subscription> ends_;
  std::unique_ptr<jobs::Timer> store_uses_, sweep_;
};

}  // namespace kernel::auth
