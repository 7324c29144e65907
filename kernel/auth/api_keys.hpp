#pragma once
// Long-lived credentials that a user makes for programs. A key never exceeds its owner: role, status and second factor
// are the owner's at each request, here and (through events) on every other node.
#include "auth/last_use.hpp"
#include "auth/lookaside_cache.hpp"
#include "auth/scopes.hpp"
#include "auth/user.hpp"
#include "storage/database.hpp"

#include <atrium/members.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace kernel::auth {

inline constexpr std::string_view api_key_revoked_topic = "api_key.revoked";

struct ApiKey {
  atrium::Id id, user_id;
  std::string name, key, prefix;
  std::optional<Scopes> scopes;
  atrium::Time created_at;
  std::optional<atrium::Time> last_used_at, expires_at, revoked_at;

  static constexpr std::string_view table = "api_keys", event = "api_key";
  static constexpr auto members = atrium::members(
      atrium::member("id", &ApiKey::id).read_only(), atrium::member("user_id", &ApiKey::user_id).read_only(),
      atrium::member("name", &ApiKey::name).length(1, 100).required(),
      atrium::member("key", &ApiKey::key)
          .read_only()
          .once()
          .not_stored()
          .description("Shown this once; stored only as a hash"),
      atrium::member("prefix", &ApiKey::prefix).read_only().description("How the key begins"),
      atrium::member("scopes", &ApiKey::scopes)
          .items(1, 100)
          .description("AREA:read, AREA:write (AREA: the first part of a path, such as admin, or *), or an operation "
                       "such as 'GET /events'. Absent: whatever its owner may do"),
      atrium::member("created_at", &ApiKey::created_at).read_only(),
      atrium::member("last_used_at", &ApiKey::last_used_at).read_only().description("To about a minute"),
      atrium::member("expires_at", &ApiKey::expires_at).description("Absent: never"),
      atrium::member("revoked_at", &ApiKey::revoked_at).hidden());
};

/// What a request needs to know of its key, in memory.
struct LiveApiKey {
  std::string id, user_id, role;
  bool mfa_enabled = false;              ///< the owner's account has a second factor
  std::shared_ptr<const Scopes> scopes;  ///< null: whatever the owner may do
  std::optional<atrium::Time> expires_at;
  LastUse use;

  bool expired(atrium::Time now) const { return expires_at && *expires_at <= now; }
};

class ApiKeys {
 public:
  using Live = std::shared_ptr<LiveApiKey>;
  static constexpr std::int64_t most_of_a_user = 100;

  explicit ApiKeys(storage::Database& database, std::size_t in_memory = 20'000);

  /// Of `wanted` name, scopes and expires_at count; the answer has the `key`. 409 where the user has too many.
  ApiKey make(const storage::Actor& actor, std::string_view user_id, const ApiKey& wanted);
  /// 404 unless it is a key of this user's that was not revoked.
  ApiKey get(std::string_view user_id, std::string_view id) const;
  /// The same 404. From the commit on nothing signs in with it any more.
  void revoke(const storage::Actor& actor, std::string_view user_id, std::string_view id);
  void revoke_all(storage::Transaction& transaction, std::string_view user_id);
  /// The owner's role, status or second factor changes with this transaction.
  void owner_changes(storage::Transaction& transaction, std::string_view user_id);

  /// [any thread] By opaque_token_hash(). Only memory; null: not read yet, revoked, or of one who may not sign in.
  Live find_in_memory(std::string_view hash) const { return cache_.find(hash); }
  /// Memory, then the database. Expired ones are found.
  Live find(std::string_view hash);
  void seen(LiveApiKey& key, atrium::Time now) const;

  /// [any thread] What was committed elsewhere: read it again.
  void forget(std::string_view id);
  void forget_owner(std::string_view user_id);
  /// The same unless that is what memory knows of the owner.
  void note_owner(std::string_view user_id, std::string_view role, bool active);

  /// Every few seconds; a key in use is written once a minute.
  void store_last_uses();

 private:
  Live read(std::string_view hash) const;
  void record_revoked(storage::Transaction& transaction, const std::string& id, std::string_view user_id);

  storage::Database& database_;
  LookasideCache<LiveApiKey> cache_;
};

}  // namespace kernel::auth
