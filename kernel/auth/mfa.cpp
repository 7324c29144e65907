#include "auth/mfa.hpp"

#include "auth/encoding.hpp"
#include "auth/sql.hpp"
#include "auth/totp.hpp"
#include "observability/log.hpp"

#include <algorithm>

namespace kernel::auth {
namespace {

void record(storage::Transaction& transaction, std::string_view action, const std::string& user_id) {
  transaction.record(
      {std::string(action), "user", user_id, std::string(action), atrium::dump({{"id", user_id}}), user_id});
}

/// Apps show "123 456".
std::string without_spaces(std::string_view code) {
  std::string plain(code);
  std::erase(plain, ' ');
  return plain;
}

atrium::Problem is_on() {
  return atrium::conflict("Multi-factor authentication is on already; disable it before you set it up anew.");
}

}  // namespace

Mfa::Mfa(storage::Database& database, Sessions& sessions, ApiKeys& api_keys, const std::string& key)
    : database_(database), sessions_(sessions), api_keys_(api_keys), box_(key), recovery_codes_(box_) {}

Mfa::Offer Mfa::offer(const storage::Actor& actor, const User& user) {
  const std::string id = user.id.str(), secret = random_bytes(totp::secret_bytes);
  const std::string sealed = box_.seal(secret, id);
  in_transaction(database_, actor, [&](storage::Transaction& transaction) {
    if (exec(transaction,
             "UPDATE users SET mfa_secret = ?, mfa_last_step = 0 WHERE id = ? AND mfa_enabled = FALSE AND "
             "deleted_at IS NULL",
             sealed, id) == 0)
      throw is_on();
    record(transaction, "user.mfa_offered", id);
  });
  return {totp::base32(secret), totp::otpauth_uri(user.email, secret)};
}

std::vector<std::string> Mfa::activate(const storage::Actor& actor, const std::string& user_id, const std::string& code,
                                       std::string_view keep_session) {
  return in_transaction(database_, actor, [&](storage::Transaction& transaction) {
    const auto found = stored(transaction, user_id);
    if (!found) throw atrium::not_found();
    if (found->enabled) throw is_on();
    if (found->sealed.empty()) throw atrium::conflict("There is nothing to verify: call /auth/mfa/setup first.");
    const auto step = step_of(*found, user_id, without_spaces(code));
    if (!step) throw atrium::invalid("/code", "is not the code that the authenticator shows now");
    if (exec(transaction,
             "UPDATE users SET mfa_enabled = TRUE, mfa_last_step = ?, revision = revision + 1 "
             "WHERE id = ? AND mfa_enabled = FALSE AND mfa_secret = ? AND deleted_at IS NULL",
             *step, user_id, found->sealed) == 0)
      throw atrium::conflict("The setup was changed at the same time; start again with /auth/mfa/setup.");
    auto codes = recovery_codes_.renew(transaction, user_id);
    sessions_.end_all(transaction, user_id, keep_session);
    record(transaction, mfa_enabled_topic, user_id);
    transaction.after_commit([this, user_id] { sessions_.note_mfa(user_id, true); });
    api_keys_.owner_changes(transaction, user_id);
    return codes;
  });
}

bool Mfa::spend(storage::Transaction& transaction, const std::string& user_id, std::string_view code) {
  const std::string plain = without_spaces(code);
  const bool of_app = plain.size() == totp::digits &&
                      std::all_of(plain.begin(), plain.end(), [](char c) { return c >= '0' && c <= '9'; });
  return of_app ? spend_step(transaction, user_id, plain) : recovery_codes_.spend(transaction, user_id, plain);
}

bool Mfa::spend_step(storage::Transaction& transaction, const std::string& user_id, std::string_view code) const {
  const auto found = stored(transaction, user_id);
  if (!found || !found->enabled) return false;
  const auto step = step_of(*found, user_id, code);
  return step && exec(transaction,
                      "UPDATE users SET mfa_last_step = ? WHERE id = ? AND mfa_enabled = TRUE AND mfa_secret = ? AND "
                      "mfa_last_step < ? AND deleted_at IS NULL",
                      *step, user_id, found->sealed, *step) == 1;
}

std::vector<std::string> Mfa::renew_recovery_codes(storage::Transaction& transaction, const std::string& user_id) {
  auto codes = recovery_codes_.renew(transaction, user_id);
  record(transaction, "user.mfa_recovery_codes_renewed", user_id);
  return codes;
}

bool Mfa::turn_off(storage::Transaction& transaction, const std::string& user_id, std::string_view keep_session) {
  if (exec(transaction,
           "UPDATE users SET mfa_enabled = FALSE, mfa_secret = NULL, mfa_last_step = 0, revision = revision + 1 "
           "WHERE id = ? AND mfa_enabled = TRUE AND deleted_at IS NULL",
           user_id) == 0)
    return false;
  recovery_codes_.remove(transaction, user_id);
  sessions_.end_all(transaction, user_id, keep_session);
  record(transaction, mfa_disabled_topic, user_id);
  transaction.after_commit([this, user_id] { sessions_.note_mfa(user_id, false); });
  api_keys_.owner_changes(transaction, user_id);
  return true;
}

void Mfa::remove(const storage::Actor& actor, const std::string& user_id) {
  in_transaction(database_, actor, [&](storage::Transaction& transaction) {
    if (!turn_off(transaction, user_id)) throw atrium::not_found("MFA is not on for this account.");
  });
}

std::optional<Mfa::Stored> Mfa::stored(storage::Transaction& transaction, const std::string& user_id) {
  std::optional<Stored> found;
  query(
      transaction, "SELECT mfa_enabled, mfa_secret, mfa_last_step FROM users WHERE id = ? AND deleted_at IS NULL",
      [&](storage::Row row) {
        found.emplace();
        found->enabled = truth_at(row, 0);
        found->sealed = text_at(row, 1);
        found->last_step = integer_at(row, 2);
        return false;
      },
      user_id);
  return found;
}

std::optional<std::int64_t> Mfa::step_of(const Stored& stored, const std::string& user_id,
                                         std::string_view code) const {
  const auto secret = box_.open(stored.sealed, user_id);
  if (!secret) {
    observability::log(observability::Level::error, "auth",
                       "the secret of an authenticator was sealed under another key than keys/mfa.key",
                       atrium::dump({{"user_id", user_id}}));
    return std::nullopt;
  }
  return totp::matching_step(*secret, code, atrium::Time::now(), stored.last_step);
}

}  // namespace kernel::auth
