#include "auth/sessions.hpp"

#include "auth/sql.hpp"

#include <algorithm>
#include <chrono>

namespace kernel::auth {
namespace {

constexpr std::int64_t second_us = 1'000'000, minute_us = 60 * second_us;
constexpr std::size_t max_user_agent_bytes = 300;

/// Cut at a character's border; the database refuses half a character, and some zeros.
std::string printable(std::string_view user_agent) {
  std::string text;
  for (const char c : user_agent.substr(0, max_user_agent_bytes)) text += c >= 0x20 && c < 0x7f ? c : '?';
  return text;
}

}  // namespace

Sessions::Sessions(storage::Database& database, Options options) : database_(database), cache_(options.in_memory) {
  set_idle_timeout(std::chrono::hours(24 * 7));
}

void Sessions::set_idle_timeout(std::chrono::seconds timeout) {
  const std::int64_t idle = std::chrono::microseconds(timeout).count();
  idle_us_ = idle;
  // Other nodes learn of a use from its row, in time.
  precision_us_ = std::clamp(idle / 4, second_us, minute_us);
}

bool Sessions::idle(atrium::Time last_seen, atrium::Time now) const {
  return now.microseconds - last_seen.microseconds >= idle_us_.load(std::memory_order_relaxed);
}

bool Sessions::ended(const LiveSession& session, atrium::Time now) const {
  return session.expires_at <= now || idle({session.use.noted_us.load(std::memory_order_relaxed)}, now);
}

atrium::Time Sessions::last_seen(std::string_view id, atrium::Time stored) const {
  const Live live = cache_.find(id);
  return live ? std::max(stored, atrium::Time{live->use.noted_us.load(std::memory_order_relaxed)}) : stored;
}

Sessions::Live Sessions::find_in_memory(std::string_view id, atrium::Time now) const {
  Live session = cache_.find(id);
  return session && !ended(*session, now) ? session : nullptr;
}

Sessions::Live Sessions::find(std::string_view id) {
  const auto now = atrium::Time::now();
  // Its end may have moved since it was read, and another node may have seen a later use.
  if (const Live kept = cache_.find(id); kept && ended(*kept, now)) cache_.drop(id);
  Live session = cache_.find_or_read(id, [&] { return read(id); });
  return session && !ended(*session, now) ? session : nullptr;
}

Sessions::Live Sessions::read(std::string_view id) const {
  Live session;
  query(
      database_,
      "SELECT s.user_id, u.role, s.expires_at, s.last_seen_at, u.mfa_enabled FROM sessions s JOIN users u ON u.id = "
      "s.user_id "
      "WHERE s.id = ? AND s.ended_at IS NULL AND u.status = 'active'",
      [&](storage::Row row) {
        session = std::make_shared<LiveSession>();
        session->id = id;
        session->user_id = text_at(row, 0);
        session->role = text_at(row, 1);
        session->expires_at = {integer_at(row, 2)};
        session->use.noted_us = session->use.stored_us = integer_at(row, 3);
        session->mfa_enabled = truth_at(row, 4);
        return false;
      },
      id);
  return session;
}

void Sessions::note_mfa(std::string_view user_id, bool enabled) {
  // Drops nothing, since followers of events look into memory alone; but what is being read just now is not kept.
  cache_.drop_if([&](LiveSession& session) {
    if (session.user_id == user_id) session.mfa_enabled = enabled;
    return false;
  });
}

void Sessions::seen(LiveSession& session, atrium::Time now) const {
  session.use.note(now, precision_us_.load(std::memory_order_relaxed));
}

std::string Sessions::open(storage::Transaction& transaction, std::string_view user_id, const Origin& origin,
                           atrium::Time expires_at, int max_sessions) {
  const std::string id = atrium::Id::make().str();
  const std::int64_t now = atrium::Time::now().microseconds;
  exec(transaction,
       "INSERT INTO sessions (id, user_id, ip, user_agent, created_at, last_seen_at, expires_at) "
       "VALUES (?, ?, ?, ?, ?, ?, ?)",
       id, user_id, origin.address, printable(origin.user_agent), now, now, expires_at.microseconds);
  std::vector<std::string> too_many;
  query(
      transaction,
      "SELECT id FROM sessions WHERE user_id = ? AND ended_at IS NULL AND expires_at > ? ORDER BY created_at DESC, id "
      "DESC LIMIT 1000 OFFSET ?",
      [&](storage::Row row) {
        too_many.push_back(text_at(row, 0));
        return true;
      },
      user_id, now, std::int64_t{max_sessions});
  for (const std::string& oldest : too_many) end(transaction, oldest);
  transaction.record({"session.started", "session", id, "session.started",
                      atrium::dump({{"id", id}, {"user_id", user_id}}), std::string(user_id)});
  return id;
}

void Sessions::extend(storage::Transaction& transaction, std::string_view id, atrium::Time expires_at) {
  const auto now = atrium::Time::now();
  exec(transaction, "UPDATE sessions SET expires_at = ?, last_seen_at = ? WHERE id = ? AND ended_at IS NULL",
       expires_at.microseconds, now.microseconds, id);
  transaction.after_commit([this, id = std::string(id), now] {
    if (const Live live = cache_.find(id)) live->use.noted_us = now.microseconds;
  });
}

bool Sessions::end(storage::Transaction& transaction, std::string_view id) {
  if (exec(transaction, "UPDATE sessions SET ended_at = ? WHERE id = ? AND ended_at IS NULL",
           atrium::Time::now().microseconds, id) == 0)
    return false;
  std::string user_id;
  query(
      transaction, "SELECT user_id FROM sessions WHERE id = ?",
      [&](storage::Row row) {
        user_id = text_at(row, 0);
        return false;
      },
      id);
  transaction.record({std::string(session_ended_topic), "session", std::string(id), std::string(session_ended_topic),
                      atrium::dump({{"id", id}, {"user_id", user_id}}), user_id});
  transaction.after_commit([this, id = std::string(id)] { forget(id); });
  return true;
}

void Sessions::end_all(storage::Transaction& transaction, std::string_view user_id, std::string_view but) {
  std::vector<std::string> ids;
  query(
      transaction, "SELECT id FROM sessions WHERE user_id = ? AND ended_at IS NULL AND id <> ?",
      [&](storage::Row row) {
        ids.push_back(text_at(row, 0));
        return true;
      },
      user_id, but);
  for (const std::string& id : ids) end(transaction, id);
}

/// What a row must say at least for its session to live: rows lag behind by the precision and one round of storing.
std::int64_t Sessions::seen_since(std::int64_t now) const { return now - idle_us_ - precision_us_; }

std::vector<SessionRow> Sessions::list(const Query& wanted) const {
  std::string sql = "SELECT " + atrium::columns<SessionRow>() +
                    " FROM sessions WHERE ended_at IS NULL AND expires_at > ? AND last_seen_at > ?";
  const std::int64_t now = atrium::Time::now().microseconds;
  std::vector<storage::Value> values{now, seen_since(now)};
  if (!wanted.user_id.empty()) {
    sql += " AND user_id = ?";
    values.emplace_back(wanted.user_id);
  }
  if (!wanted.before.empty()) {
    sql += " AND id < ?";
    values.emplace_back(wanted.before);
  }
  sql += " ORDER BY id DESC LIMIT ? OFFSET ?";
  values.emplace_back(wanted.limit);
  values.emplace_back(wanted.offset);
  std::vector<SessionRow> rows;
  database_.read(sql_owner, sql, values, [&](storage::Row row) {
    rows.push_back(load<SessionRow>(row));
    // Memory knows better than the row, which is a minute behind.
    rows.back().last_seen_at = last_seen(rows.back().id.text(), rows.back().last_seen_at);
    return true;
  });
  return rows;
}

std::int64_t Sessions::count(std::string_view user_id) const {
  std::int64_t total = 0;
  const auto take = [&](storage::Row row) {
    total = integer_at(row, 0);
    return false;
  };
  const std::int64_t now = atrium::Time::now().microseconds;
  if (user_id.empty()) {
    query(database_, "SELECT count(*) FROM sessions WHERE ended_at IS NULL AND expires_at > ? AND last_seen_at > ?",
          take, now, seen_since(now));
  } else {
    query(
        database_,
        "SELECT count(*) FROM sessions WHERE ended_at IS NULL AND expires_at > ? AND last_seen_at > ? AND user_id = ?",
        take, now, seen_since(now), user_id);
  }
  return total;
}

void Sessions::store_seen_when_due() {
  const std::int64_t now = atrium::Time::now().microseconds;
  if (now - seen_stored_at_us_ < precision_us_) return;
  seen_stored_at_us_ = now;
  store_seen();
}

void Sessions::store_seen() {
  store_last_uses(database_, cache_, "UPDATE sessions SET last_seen_at = ? WHERE id = ? AND last_seen_at < ?");
}

std::int64_t Sessions::sweep(std::chrono::hours keep) {
  const std::int64_t before =
      (atrium::Time::now() - std::chrono::duration_cast<std::chrono::microseconds>(keep)).microseconds;
  return in_transaction(database_, {}, [&](storage::Transaction& transaction) {
    exec(transaction,
         "DELETE FROM refresh_tokens WHERE session_id IN (SELECT id FROM sessions WHERE expires_at < ? OR ended_at < ? "
         "ORDER BY id LIMIT 1000)",
         before, before);
    // A session that is refreshed for years would keep every token it ever had.
    exec(transaction,
         "DELETE FROM refresh_tokens WHERE hash IN (SELECT hash FROM refresh_tokens WHERE expires_at < ? "
         "ORDER BY expires_at LIMIT 1000)",
         before);
    return exec(transaction,
                "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at < ? OR ended_at < ? "
                "ORDER BY id LIMIT 1000)",
                before, before);
  });
}

}  // namespace kernel::auth
