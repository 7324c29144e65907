#include "auth/issued_tokens.hpp"

#include "auth/opaque_token.hpp"
#include "auth/sql.hpp"

#include <stdexcept>

namespace kernel::auth {

IssuedTokens::IssuedTokens(storage::Database& database, std::size_t in_memory)
    : database_(database), cache_(in_memory) {}

std::string IssuedTokens::issue(storage::Transaction& transaction, const std::string& kind, const std::string& id) {
  if (kind.empty() || kind == "user" || kind == "plugin" || kind == "system" || id.empty())
    throw std::invalid_argument("a token is issued for a kind of principal of the plugin's own and an id");
  std::string token = make_opaque_token(issued_token_prefix);
  exec(transaction, "INSERT INTO issued_tokens (hash, kind, principal_id, created_at) VALUES (?, ?, ?, ?)",
       opaque_token_hash(token), kind, id, atrium::Time::now().microseconds);
  transaction.record({"token.issued", kind, id, "", "", ""});
  return token;
}

void IssuedTokens::revoke(storage::Transaction& transaction, const std::string& kind, const std::string& id) {
  if (exec(transaction, "DELETE FROM issued_tokens WHERE kind = ? AND principal_id = ?", kind, id) == 0) return;
  // The owner is nobody who signs in: the event is for the nodes alone.
  transaction.record({std::string(token_revoked_topic), kind, id, std::string(token_revoked_topic),
                      atrium::dump({{"kind", kind}, {"id", id}}), std::string(sql_owner)});
  transaction.after_commit([this, kind, id] { forget(kind, id); });
}

IssuedTokens::Pointer IssuedTokens::find(std::string_view hash) {
  return cache_.find_or_read(hash, [&] {
    Pointer token;
    query(
        database_, "SELECT kind, principal_id FROM issued_tokens WHERE hash = ?",
        [&](storage::Row row) {
          token = std::make_shared<IssuedToken>(IssuedToken{std::string(hash), text_at(row, 0), text_at(row, 1)});
          return false;
        },
        hash);
    return token;
  });
}

void IssuedTokens::forget(std::string_view kind, std::string_view id) {
  cache_.drop_if([&](const IssuedToken& token) { return token.kind == kind && token.id == id; });
}

}  // namespace kernel::auth
