#include "auth/password_history.hpp"

#include "auth/sql.hpp"

namespace kernel::auth {

std::vector<std::string> former_passwords(storage::Database& database, std::string_view user_id, std::int64_t limit) {
  std::vector<std::string> hashes;
  query(
      database, "SELECT hash FROM password_history WHERE user_id = ? ORDER BY replaced_at DESC LIMIT ?",
      [&](storage::Row row) {
        hashes.push_back(text_at(row, 0));
        return true;
      },
      user_id, limit);
  return hashes;
}

void remember_password(storage::Transaction& transaction, std::string_view user_id, std::string_view hash,
                       std::int64_t keep) {
  exec(transaction, "INSERT INTO password_history (user_id, hash, replaced_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
       user_id, hash, atrium::Time::now().microseconds);
  exec(transaction,
       "DELETE FROM password_history WHERE user_id = ? AND hash NOT IN "
       "(SELECT hash FROM password_history WHERE user_id = ? ORDER BY replaced_at DESC LIMIT ?)",
       user_id, user_id, keep);
}

void forget_passwords(storage::Transaction& transaction, std::string_view user_id) {
  exec(transaction, "DELETE FROM password_history WHERE user_id = ?", user_id);
}

}  // namespace kernel::auth
