#include "auth/sign_in.hpp"

#include "auth/security_settings.hpp"
#include "auth/sql.hpp"

#include <chrono>
#include <optional>
#include <variant>

namespace kernel::auth {
namespace {

atrium::Problem unauthorised(std::string slug, std::string title, std::string detail) {
  atrium::Problem problem(401, std::move(slug), std::move(title), std::move(detail));
  problem.headers.emplace_back("www-authenticate", "Bearer realm=\"atrium\"");
  return problem;
}
atrium::Problem invalid_credentials() {
  return unauthorised("invalid-credentials", "These credentials are not valid",
                      "The e-mail address or the password is wrong.");
}
/// Of the same type as a wrong password: whoever gets here knows the password.
atrium::Problem invalid_code() {
  return unauthorised("invalid-credentials", "These credentials are not valid",
                      "The code is wrong or was used already; each works once.");
}
atrium::Problem mfa_required() {
  return unauthorised("mfa-required", "A second factor is required",
                      "Send mfa_code too: what the authenticator shows, or a recovery code.");
}
atrium::Problem invalid_token() {
  return unauthorised("invalid-token", "This token is not valid",
                      "The refresh token is unknown, used or expired; sign in again.");
}
atrium::Problem too_many_attempts(std::chrono::seconds wait) {
  atrium::Problem problem(429, "too-many-attempts", "Too many failed attempts",
                          "Try again in " + std::to_string(wait.count()) + " seconds.");
  problem.headers.emplace_back("retry-after", std::to_string(wait.count()));
  return problem;
}

void require_active(const User& user) {
  if (user.status == UserStatus::pending)
    throw atrium::Problem(403, "account-pending", "This account waits for approval",
                          "An admin has to approve it first.");
  if (user.status == UserStatus::disabled)
    throw atrium::Problem(403, "account-disabled", "This account is disabled", "Ask an admin to enable it.");
}

}  // namespace

/// Held back by the throttle (429), and taken off it again unless it was decided.
class SignIn::Attempt {
 public:
  Attempt(const Parts& parts, std::string account, std::string address)
      : throttle_(parts.throttle), account_(std::move(account)), address_(std::move(address)) {
    const auto settings = SecuritySettings::read(parts.settings);
    const LoginThrottle::Limits limits{static_cast<int>(settings.max_failed_logins),
                                       std::chrono::seconds(settings.lockout_seconds)};
    if (const auto wait = throttle_.begin(account_, address_, limits)) throw too_many_attempts(*wait);
  }
  ~Attempt() {
    if (!decided_) throttle_.undecided(account_, address_);
  }
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;
  void succeeded() {
    if (decided_) return;
    decided_ = true;
    throttle_.succeeded(account_, address_);
  }
  void failed() { decided_ = true; }

 private:
  LoginThrottle& throttle_;
  std::string account_, address_;
  bool decided_ = false;
};

/// The user when the password is right; its hash is replaced in the result when a stronger one is due. Else the attempt
/// has failed.
std::optional<User> SignIn::authenticated(Attempt& attempt, const std::string& password,
                                          const std::optional<User>& user, const storage::Actor& actor) {
  Passwords::Verdict verdict;
  if (user) {
    verdict = parts_.passwords.verify(password, user->password_hash);
  } else {
    parts_.passwords.verify_nothing(password);
  }
  if (!verdict.matches) {
    fail(attempt, user, actor);
    return std::nullopt;
  }
  User right = *user;
  if (verdict.rehash) right.password_hash = parts_.passwords.hash(password);
  return right;
}

void SignIn::fail(Attempt& attempt, const std::optional<User>& user, const storage::Actor& actor) {
  attempt.failed();
  // Not waited for: the answer must not take longer where there is an account to name.
  parts_.database.submit(
      actor,
      [id = user ? user->id.str() : std::string()](storage::Transaction& transaction) {
        transaction.record({"user.login_failed", "user", id, "", "", id, "failure"});
        return ATRIUM_OK;
      },
      std::chrono::seconds(10), [](std::int32_t, const std::string&) {});
}

TokenPair SignIn::login(const std::string& email, const std::string& password, const std::string& mfa_code,
                        const Origin& origin) {
  const auto address = normalised_email(email);
  const std::string account = address.value_or(email);
  std::optional<User> user;
  if (address) user = parts_.users.find_by_email(*address);
  const auto actor = anonymous_actor(origin);
  Attempt attempt(parts_, account, actor.address);
  const auto right = authenticated(attempt, password, user, actor);
  if (!right) throw invalid_credentials();
  // Before the session is opened, so that many logins of one account at once do not hold back each other for longer.
  if (!user->mfa_enabled) attempt.succeeded();
  require_active(*right);
  if (user->mfa_enabled && mfa_code.empty()) throw mfa_required();
  auto pair = open_session(*user, right->password_hash, mfa_code, origin);
  if (!pair) {
    fail(attempt, user, actor);
    throw invalid_code();
  }
  attempt.succeeded();
  return std::move(*pair);
}

/// Nullopt: the code is none.
std::optional<TokenPair> SignIn::open_session(const User& user, const std::string& new_hash,
                                              const std::string& mfa_code, const Origin& origin) {
  const auto settings = SecuritySettings::read(parts_.settings);
  struct Opened {
    std::string session_id, refresh_token;
    atrium::Time at;
  };
  const std::optional<Opened> opened = in_transaction(
      parts_.database, user_actor(user.id.text(), origin),
      [&](storage::Transaction& transaction) -> std::optional<Opened> {
        if (user.mfa_enabled && !parts_.mfa.spend(transaction, user.id.str(), mfa_code)) return std::nullopt;
        const auto now = atrium::Time::now();
        const auto expires_at = now + std::chrono::seconds(settings.refresh_token_ttl_seconds);
        // Also the guard: a password, status or factor that changed since it was checked opens no session.
        if (exec(transaction,
                 "UPDATE users SET last_login_at = ?, password_hash = ? WHERE id = ? AND password_hash = ? AND "
                 "CASE WHEN mfa_enabled THEN 1 ELSE 0 END = ? AND status = 'active' AND deleted_at IS NULL",
                 now.microseconds, new_hash, user.id.text(), user.password_hash,
                 std::int64_t{user.mfa_enabled ? 1 : 0}) == 0)
          throw invalid_credentials();
        Opened result{parts_.sessions.open(transaction, user.id.text(), origin, expires_at,
                                           static_cast<int>(settings.max_sessions_per_user)),
                      {},
                      now};
        result.refresh_token = parts_.refresh_tokens.issue(transaction, result.session_id, expires_at);
        return result;
      });
  if (!opened) return std::nullopt;
  User signed_in = user;
  signed_in.last_login_at = opened->at;
  return pair_of(std::move(signed_in), opened->session_id, opened->refresh_token, settings.access_token_ttl_seconds);
}

TokenPair SignIn::pair_of(User user, const std::string& session_id, std::string refresh_token,
                          std::int64_t access_ttl_seconds) const {
  const std::int64_t now = atrium::Time::now().microseconds / 1'000'000;
  const std::string access_token = parts_.access_tokens.issue(
      {user.id.str(), session_id, std::string(atrium::name_of(user.role)), now, now + access_ttl_seconds});
  return {access_token, std::move(refresh_token), access_ttl_seconds, std::move(user)};
}

TokenPair SignIn::refresh(const std::string& refresh_token, const Origin& origin) {
  const auto settings = SecuritySettings::read(parts_.settings);
  auto outcome = in_transaction(parts_.database, anonymous_actor(origin), [&](storage::Transaction& transaction) {
    return parts_.refresh_tokens.rotate(transaction, refresh_token, origin.received,
                                        std::chrono::seconds(settings.refresh_token_ttl_seconds));
  });
  auto* rotated = std::get_if<RefreshTokens::Rotated>(&outcome);
  if (rotated == nullptr) throw invalid_token();
  return pair_of(std::move(rotated->user), rotated->session_id, std::move(rotated->token),
                 settings.access_token_ttl_seconds);
}

void SignIn::logout(const Principal& who) {
  if (who.session_id.empty()) return;
  in_transaction(parts_.database, actor_of(who),
                 [&](storage::Transaction& transaction) { parts_.sessions.end(transaction, who.session_id); });
}

void SignIn::end_session(const storage::Actor& actor, const std::string& session_id) {
  in_transaction(parts_.database, actor, [&](storage::Transaction& transaction) {
    if (!parts_.sessions.end(transaction, session_id)) throw atrium::not_found();
  });
}

User SignIn::confirm_password(const Principal& who, const std::string& password) {
  const User user = parts_.users.get(who.id);
  Attempt attempt(parts_, user.email, who.address);
  if (!authenticated(attempt, password, user, actor_of(who))) throw invalid_credentials();
  attempt.succeeded();
  return user;
}

void SignIn::confirm_both(const Principal& who, const std::string& password, const std::string& mfa_code,
                          const std::function<void(storage::Transaction&)>& change) {
  const User user = parts_.users.get(who.id);
  if (!user.mfa_enabled) throw atrium::conflict("Multi-factor authentication is not on.");
  Attempt attempt(parts_, user.email, who.address);
  if (!authenticated(attempt, password, user, actor_of(who))) throw invalid_credentials();
  const bool right = in_transaction(parts_.database, actor_of(who), [&](storage::Transaction& transaction) {
    const bool spent = parts_.mfa.spend(transaction, who.id, mfa_code);
    if (spent) change(transaction);
    return spent;
  });
  if (!right) {
    fail(attempt, user, actor_of(who));
    throw invalid_code();
  }
  attempt.succeeded();
}

void SignIn::change_password(const Principal& who, const std::string& current, const std::string& wanted) {
  if (current == wanted) throw atrium::invalid("/new_password", "must differ from the current password");
  const User user = confirm_password(who, current);
  parts_.users.set_password(actor_of(who), user, wanted, who.session_id);
}

}  // namespace kernel::auth
