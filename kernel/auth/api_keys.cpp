#include "auth/api_keys.hpp"

#include "auth/opaque_token.hpp"

#include <vector>

namespace kernel::auth {
namespace {

constexpr std::int64_t minute_us = 60'000'000;
constexpr std::size_t shown_chars = 12;

std::string select_key(std::string_view condition) {
  return "SELECT " + atrium::columns<ApiKey>() + " FROM api_keys WHERE revoked_at IS NULL AND " +
         std::string(condition);
}

std::int64_t keys_of(storage::Transaction& transaction, std::string_view user_id) {
  std::int64_t count = 0;
  query(
      transaction, "SELECT count(*) FROM api_keys WHERE user_id = ? AND revoked_at IS NULL",
      [&](storage::Row row) {
        count = integer_at(row, 0);
        return false;
      },
      user_id);
  return count;
}

}  // namespace

ApiKeys::ApiKeys(storage::Database& database, std::size_t in_memory) : database_(database), cache_(in_memory) {}

ApiKey ApiKeys::make(const storage::Actor& actor, std::string_view user_id, const ApiKey& wanted) {
  ApiKey key = wanted;
  key.id = atrium::Id::make();
  key.user_id = atrium::Id::parse(user_id).value();
  key.key = make_opaque_token(api_key_prefix);
  key.prefix = key.key.substr(0, shown_chars);
  key.created_at = atrium::Time::now();
  const std::string scopes = key.scopes ? atrium::dump(*key.scopes) : "";
  in_transaction(database_, actor, [&](storage::Transaction& transaction) {
    if (keys_of(transaction, user_id) >= most_of_a_user)
      throw atrium::conflict("You have " + std::to_string(most_of_a_user) + " API keys; revoke one first.");
    exec(transaction,
         "INSERT INTO api_keys (id, user_id, name, hash, prefix, scopes, created_at, expires_at) "
         "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
         key.id.text(), user_id, key.name, opaque_token_hash(key.key), key.prefix,
         key.scopes ? storage::Value(scopes) : storage::Value(), key.created_at.microseconds,
         key.expires_at ? storage::Value(key.expires_at->microseconds) : storage::Value());
    transaction.record(
        {"api_key.created", "api_key", key.id.str(), "api_key.created", atrium::to_json(key), std::string(user_id)});
  });
  return key;
}

ApiKey ApiKeys::get(std::string_view user_id, std::string_view id) const {
  static const std::string sql = select_key("id = ? AND user_id = ?");
  auto key = find_one<ApiKey>(database_, sql, id, user_id);
  if (!key) throw atrium::not_found();
  return std::move(*key);
}

void ApiKeys::revoke(const storage::Actor& actor, std::string_view user_id, std::string_view id) {
  in_transaction(database_, actor, [&](storage::Transaction& transaction) {
    if (exec(transaction, "UPDATE api_keys SET revoked_at = ? WHERE id = ? AND user_id = ? AND revoked_at IS NULL",
             atrium::Time::now().microseconds, id, user_id) == 0)
      throw atrium::not_found();
    record_revoked(transaction, std::string(id), user_id);
  });
}

void ApiKeys::revoke_all(storage::Transaction& transaction, std::string_view user_id) {
  std::vector<std::string> ids;
  query(
      transaction, "SELECT id FROM api_keys WHERE user_id = ? AND revoked_at IS NULL",
      [&](storage::Row row) {
        ids.push_back(text_at(row, 0));
        return true;
      },
      user_id);
  for (const std::string& id : ids) {
    exec(transaction, "UPDATE api_keys SET revoked_at = ? WHERE id = ?", atrium::Time::now().microseconds, id);
    record_revoked(transaction, id, user_id);
  }
}

void ApiKeys::record_revoked(storage::Transaction& transaction, const std::string& id, std::string_view user_id) {
  transaction.record({std::string(api_key_revoked_topic), "api_key", id, std::string(api_key_revoked_topic),
                      atrium::dump({{"id", id}, {"user_id", user_id}}), std::string(user_id)});
  transaction.after_commit([this, id] { forget(id); });
}

void ApiKeys::owner_changes(storage::Transaction& transaction, std::string_view user_id) {
  transaction.after_commit([this, user_id = std::string(user_id)] { forget_owner(user_id); });
}

ApiKeys::Live ApiKeys::find(std::string_view hash) {
  return cache_.find_or_read(hash, [&] { return read(hash); });
}

ApiKeys::Live ApiKeys::read(std::string_view hash) const {
  Live key;
  query(
      database_,
      "SELECT k.id, k.user_id, u.role, u.mfa_enabled, k.scopes, k.expires_at, k.last_used_at "
      "FROM api_keys k JOIN users u ON u.id = k.user_id "
      "WHERE k.hash = ? AND k.revoked_at IS NULL AND u.status = 'active'",
      [&](storage::Row row) {
        key = std::make_shared<LiveApiKey>();
        key->id = text_at(row, 0);
        key->user_id = text_at(row, 1);
        key->role = text_at(row, 2);
        key->mfa_enabled = truth_at(row, 3);
        if (row[4]) key->scopes = std::make_shared<const Scopes>(atrium::Json::parse(*row[4]).get<Scopes>());
        if (row[5]) key->expires_at = atrium::Time{integer_at(row, 5)};
        key->use.noted_us = key->use.stored_us = integer_at(row, 6);
        return false;
      },
      hash);
  return key;
}

void ApiKeys::seen(LiveApiKey& key, atrium::Time now) const { key.use.note(now, minute_us); }

void ApiKeys::forget(std::string_view id) {
  cache_.drop_if([&](const LiveApiKey& key) { return key.id == id; });
}

void ApiKeys::forget_owner(std::string_view user_id) {
  cache_.drop_if([&](const LiveApiKey& key) { return key.user_id == user_id; });
}

void ApiKeys::note_owner(std::string_view user_id, std::string_view role, bool active) {
  cache_.drop_if([&](const LiveApiKey& key) { return key.user_id == user_id && (!active || key.role != role); });
}

void ApiKeys::store_last_uses() {
  auth::store_last_uses(
      database_, cache_,
      "UPDATE api_keys SET last_used_at = ? WHERE id = ? AND (last_used_at IS NULL OR last_used_at < ?)");
}

}  // namespace kernel::auth
