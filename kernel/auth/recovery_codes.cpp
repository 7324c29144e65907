#include "auth/recovery_codes.hpp"

#include "auth/encoding.hpp"
#include "auth/sql.hpp"
#include "auth/totp.hpp"

namespace kernel::auth {
namespace {

constexpr std::size_t random_bytes_a_code = 10, characters = 16, group = 4;

/// Without separators and in lower case; of anything else the fingerprint is unknown.
std::string normalised(std::string_view code) {
  std::string plain;
  for (const char c : code)
    if (c != '-' && c != ' ') plain += c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  return plain;
}

std::string shown(std::string_view plain) {
  std::string text(plain.substr(0, group));
  for (std::size_t at = group; at < plain.size(); at += group) text.append(1, '-').append(plain.substr(at, group));
  return text;
}

}  // namespace

std::string RecoveryCodes::fingerprint(std::string_view user_id, std::string_view plain) const {
  return box_.fingerprint({"recovery code", user_id, plain});
}

std::vector<std::string> RecoveryCodes::renew(storage::Transaction& transaction, std::string_view user_id) const {
  remove(transaction, user_id);
  std::vector<std::string> codes;
  for (int i = 0; i < count; ++i) {
    const std::string plain = normalised(totp::base32(random_bytes(random_bytes_a_code)));
    exec(transaction, "INSERT INTO mfa_recovery_codes (user_id, hash) VALUES (?, ?)", user_id,
         fingerprint(user_id, plain));
    codes.push_back(shown(plain));
  }
  return codes;
}

bool RecoveryCodes::spend(storage::Transaction& transaction, std::string_view user_id, std::string_view code) const {
  const std::string plain = normalised(code);
  if (plain.size() != characters) return false;
  if (exec(transaction, "UPDATE mfa_recovery_codes SET used_at = ? WHERE user_id = ? AND hash = ? AND used_at IS NULL",
           atrium::Time::now().microseconds, user_id, fingerprint(user_id, plain)) == 0)
    return false;
  std::int64_t left = 0;
  query(
      transaction, "SELECT count(*) FROM mfa_recovery_codes WHERE user_id = ? AND used_at IS NULL",
      [&](storage::Row row) {
        left = integer_at(row, 0);
        return false;
      },
      user_id);
  transaction.record({"user.mfa_recovery_code_used", "user", std::string(user_id), "user.mfa_recovery_code_used",
                      atrium::dump({{"id", user_id}, {"left", left}}), std::string(user_id)});
  return true;
}

void RecoveryCodes::remove(storage::Transaction& transaction, std::string_view user_id) const {
  exec(transaction, "DELETE FROM mfa_recovery_codes WHERE user_id = ?", user_id);
}

}  // namespace kernel::auth
