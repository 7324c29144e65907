#include "auth/refresh_tokens.hpp"

#include "auth/opaque_token.hpp"
#include "auth/sql.hpp"

#include <chrono>

namespace kernel::auth {

std::string RefreshTokens::issue(storage::Transaction& transaction, std::string_view session_id,
                                 atrium::Time expires_at) {
  std::string token = make_opaque_token(refresh_token_prefix);
  exec(transaction, "INSERT INTO refresh_tokens (hash, session_id, issued_at, expires_at) VALUES (?, ?, ?, ?)",
       opaque_token_hash(token), session_id, atrium::Time::now().microseconds, expires_at.microseconds);
  return token;
}

std::variant<RefreshTokens::Rotated, RefreshTokens::Refused> RefreshTokens::rotate(storage::Transaction& transaction,
                                                                                   std::string_view token,
                                                                                   atrium::Time received,
                                                                                   std::chrono::seconds time_to_live) {
  if (!is_opaque_token(token, refresh_token_prefix)) return Refused::unknown;
  const std::string hash = opaque_token_hash(token);
  const auto now = atrium::Time::now();
  if (exec(transaction, "UPDATE refresh_tokens SET used_at = ? WHERE hash = ? AND used_at IS NULL AND expires_at > ?",
           now.microseconds, hash, now.microseconds) == 0)
    return refuse(transaction, hash, received);

  Rotated rotated;
  bool idle = false;
  query(
      transaction,
      "SELECT s.id, s.user_id, s.last_seen_at FROM refresh_tokens r JOIN sessions s ON s.id = r.session_id "
      "WHERE r.hash = ? AND s.ended_at IS NULL",
      [&](storage::Row row) {
        rotated.session_id = text_at(row, 0);
        rotated.user.id = atrium::Id::parse(text_at(row, 1)).value_or(atrium::Id{});
        idle = sessions_.idle(sessions_.last_seen(rotated.session_id, {integer_at(row, 2)}), now);
        return false;
      },
      hash);
  static const std::string select_user =
      "SELECT " + atrium::columns<User>() + " FROM users WHERE id = ? AND status = 'active'";
  auto user = find_one<User>(transaction, select_user, rotated.user.id.text());
  if (rotated.session_id.empty() || idle || !user) return Refused::unknown;
  rotated.user = std::move(*user);
  const auto expires_at = now + time_to_live;
  sessions_.extend(transaction, rotated.session_id, expires_at);
  rotated.token = issue(transaction, rotated.session_id, expires_at);
  transaction.record({"session.refreshed", "session", rotated.session_id, "", "", rotated.user.id.str()});
  return rotated;
}

RefreshTokens::Refused RefreshTokens::refuse(storage::Transaction& transaction, const std::string& hash,
                                             atrium::Time received) {
  std::string session_id;
  atrium::Time used_at;
  query(
      transaction, "SELECT session_id, used_at FROM refresh_tokens WHERE hash = ? AND used_at IS NOT NULL",
      [&](storage::Row row) {
        session_id = text_at(row, 0);
        used_at = {integer_at(row, 1)};
        return false;
      },
      hash);
  if (session_id.empty() || received <= used_at) return Refused::unknown;
  sessions_.end(transaction, session_id);
  transaction.record({"session.refresh_token_reused", "session", session_id, "", "", "", "failure"});
  return Refused::reused;
}

}  // namespace kernel::auth
