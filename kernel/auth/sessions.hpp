#pragma once
// Who is signed in. A session ends at once, here and (through the event "session.ended") on every other node.
#include "auth/last_use.hpp"
#include "auth/lookaside_cache.hpp"
#include "auth/origin.hpp"
#include "storage/database.hpp"

#include <atrium/members.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kernel::auth {

inline constexpr std::string_view session_ended_topic = "session.ended";

/// What a request needs to know of its session, in memory.
struct LiveSession {
  std::string id, user_id, role;
  std::atomic<bool> mfa_enabled = false;  ///< the user's account has a second factor
  atrium::Time expires_at;
  LastUse use;  ///< to about a minute, or a quarter of the idle timeout
};

/// As it is listed.
struct SessionRow {
  atrium::Id id, user_id;
  std::string ip, user_agent;
  atrium::Time created_at, last_seen_at, expires_at;
  bool current = false;  ///< the one that asks

  static constexpr auto members = atrium::members(
      atrium::member("id", &SessionRow::id).read_only(), atrium::member("user_id", &SessionRow::user_id).read_only(),
      atrium::member("ip", &SessionRow::ip).read_only(),
      atrium::member("user_agent", &SessionRow::user_agent).read_only(),
      atrium::member("created_at", &SessionRow::created_at).read_only(),
      atrium::member("last_seen_at", &SessionRow::last_seen_at).read_only(),
      atrium::member("expires_at", &SessionRow::expires_at).read_only(),
      atrium::member("current", &SessionRow::current).read_only().not_stored());
};

class Sessions {
 public:
  using Live = std::shared_ptr<LiveSession>;
  struct Options {
    std::size_t in_memory = 100'000;
  };
  Sessions(storage::Database& database, Options options);
  explicit Sessions(storage::Database& database) : Sessions(database, Options{}) {}

  /// A session that was not used for so long has ended. [any thread]
  void set_idle_timeout(std::chrono::seconds timeout);
  /// Whether a use at this time was too long ago.
  bool idle(atrium::Time last_seen, atrium::Time now) const;

  /// [any thread] Only memory. Null: ended, expired, or not read yet.
  Live find_in_memory(std::string_view id, atrium::Time now = atrium::Time::now()) const;
  /// Memory, then the database. Null: there is none (any more), or its user may not sign in.
  Live find(std::string_view id);
  /// [any thread] Notes that the session is in use; written later by store_seen().
  void seen(LiveSession& session, atrium::Time now) const;

  /// A new session of the user; ends the oldest where there would be more than `max_sessions`.
  std::string open(storage::Transaction& transaction, std::string_view user_id, const Origin& origin,
                   atrium::Time expires_at, int max_sessions);
  /// Moves the end of a session that is being refreshed, which is a use of it.
  void extend(storage::Transaction& transaction, std::string_view id, atrium::Time expires_at);
  /// False: there was none to end. From the commit on, nothing signs in with it any more.
  bool end(storage::Transaction& transaction, std::string_view id);
  void end_all(storage::Transaction& transaction, std::string_view user_id, std::string_view but = {});
  /// [any thread] An end that was committed elsewhere.
  void forget(std::string_view id) { cache_.drop(id); }
  /// [any thread] The user's second factor was turned on or off, here or elsewhere.
  void note_mfa(std::string_view user_id, bool enabled);

  struct Query {
    std::string user_id;  ///< empty: everybody's
    std::string before;   ///< only ids below this one, which are older; empty: from the newest on
    std::int64_t limit = 50, offset = 0;
  };
  /// Those that live, newest first.
  std::vector<SessionRow> list(const Query& query) const;
  std::int64_t count(std::string_view user_id) const;

  /// Writes when sessions were last used, in one transaction of at most 500 of them.
  void store_seen();
  /// The same where it is time again: what other nodes read must be good enough for the idle timeout. Every few
  /// seconds.
  void store_seen_when_due();
  /// Removes sessions and refresh tokens that ended or expired more than `keep` ago, at most 1000 of each at once; the
  /// number of sessions removed.
  std::int64_t sweep(std::chrono::hours keep);

  /// The last use as memory knows it, which may be later than the row says. [any thread]
  atrium::Time last_seen(std::string_view id, atrium::Time stored) const;

 private:
  bool ended(const LiveSession& session, atrium::Time now) const;
  Live read(std::string_view id) const;
  std::int64_t seen_since(std::int64_t now) const;

  storage::Database& database_;
  LookasideCache<LiveSession> cache_;
  std::atomic<std::int64_t> idle_us_, precision_us_;
  std::atomic<std::int64_t> seen_stored_at_us_ = 0;
};

}  // namespace kernel::auth
