#pragma once
// Signing in, staying signed in, signing out.
#include "auth/access_tokens.hpp"
#include "auth/login_throttle.hpp"
#include "auth/mfa.hpp"
#include "auth/origin.hpp"
#include "auth/passwords.hpp"
#include "auth/refresh_tokens.hpp"
#include "auth/users.hpp"
#include "settings/registry.hpp"

#include <functional>
#include <optional>

namespace kernel::auth {

struct TokenPair {
  std::string access_token, refresh_token;
  std::int64_t expires_in = 0;  ///< seconds, of the access token
  User user;
};

/// Functions throw atrium::Problem and wait: pool threads only.
class SignIn {
 public:
  struct Parts {
    storage::Database& database;
    const settings::Registry& settings;
    Passwords& passwords;
    Users& users;
    Sessions& sessions;
    RefreshTokens& refresh_tokens;
    AccessTokens& access_tokens;
    LoginThrottle& throttle;
    Mfa& mfa;
  };
  explicit SignIn(Parts parts) : parts_(parts) {}

  /// 401 invalid-credentials (the same answer and cost whether the account exists), 429 with Retry-After; with the
  /// right password alone also 403 account-pending or account-disabled, and 401 mfa-required where `mfa_code` is
  /// needed and empty. A wrong code is a failed login as a wrong password is.
  TokenPair login(const std::string& email, const std::string& password, const std::string& mfa_code,
                  const Origin& origin);
  /// 401 invalid-token; see refresh_tokens.hpp for what a reused token does.
  TokenPair refresh(const std::string& refresh_token, const Origin& origin);
  /// Ends the caller's session, or does nothing for a caller without one.
  void logout(const Principal& who);
  /// 404 unless the session lives.
  void end_session(const storage::Actor& actor, const std::string& session_id);
  /// 401 invalid-credentials unless `password` is the user's; throttled as logins are.
  User confirm_password(const Principal& who, const std::string& password);
  /// The same with the second factor: `change` runs in the transaction that spends the code. 409 where MFA is not on.
  void confirm_both(const Principal& who, const std::string& password, const std::string& mfa_code,
                    const std::function<void(storage::Transaction&)>& change);
  /// Ends every other session of the user.
  void change_password(const Principal& who, const std::string& current, const std::string& wanted);

 private:
  class Attempt;
  std::optional<User> authenticated(Attempt& attempt, const std::string& password, const std::optional<User>& user,
                                    const storage::Actor& actor);
  void fail(Attempt& attempt, const std::optional<User>& user, const storage::Actor& actor);
  std::optional<TokenPair> open_session(const User& user, const std::string& new_hash, const std::string& mfa_code,
                                        const Origin& origin);
  TokenPair pair_of(User user, const std::string& session_id, std::string refresh_token,
                    std::int64_t access_ttl_seconds) const;

  Parts parts_;
};

}  // namespace kernel::auth
