#pragma once
// Signing in, staying signed in, signing out.
#include "auth/access_tokens.hpp"
#include "auth/login_throttle.hpp"
#include "auth/origin.hpp"
#include "auth/passwords.hpp"
#include "auth/refresh_tokens.hpp"
#include "auth/users.hpp"
#include "settings/registry.hpp"

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
  };
  explicit SignIn(Parts parts) : parts_(parts) {}

  /// 401 invalid-credentials (the same answer and cost whether the account exists), 403 account-pending or
  /// account-disabled (only with the right password), 429 with Retry-After.
  TokenPair login(const std::string& email, const std::string& password, const Origin& origin);
  /// 401 invalid-token; see refresh_tokens.hpp for what a reused token does.
  TokenPair refresh(const std::string& refresh_token, const Origin& origin);
  /// Ends the caller's session, or does nothing for a caller without one.
  void logout(const Principal& who);
  /// 404 unless the session lives.
  void end_session(const storage::Actor& actor, const std::string& session_id);
  /// 401 invalid-credentials unless `password` is the user's; throttled as logins are.
  User confirm_password(const Principal& who, const std::string& password);
  /// Ends every other session of the user.
  void change_password(const Principal& who, const std::string& current, const std::string& wanted);

 private:
  std::optional<User> authenticated(const std::string& account, const std::string& password,
                                    const std::optional<User>& user, const storage::Actor& actor);
  TokenPair open_session(const User& user, const std::string& new_hash, const Origin& origin);
  TokenPair pair_of(User user, const std::string& session_id, std::string refresh_token,
                    std::int64_t access_ttl_seconds) const;
  void note_failure(const storage::Actor& actor, const std::optional<User>& user);

  Parts parts_;
};

}  // namespace kernel::auth
