#pragma once
// SQL for everybody: many readers, one writer with group commit. Only storage/*.cpp include SOCI.
#include <atrium/abi.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace kernel::storage {

using Null = std::monostate;
using Value = std::variant<Null, std::int64_t, double, std::string_view>;
using Values = std::span<const Value>;
/// Columns as text (borrowed until the function returns), nullopt for NULL. Return false to stop.
using Row = std::span<const std::optional<std::string_view>>;
using RowFn = std::function<bool(Row)>;

/// What SQL refused, mapped to the boundary's codes: conflict carries the constraint's name.
class SqlError : public std::runtime_error {
 public:
  SqlError(std::int32_t code, std::string message) : std::runtime_error(std::move(message)), code_(code) {}
  std::int32_t code() const {
    return code_;
  }  ///< ATRIUM_E_CONFLICT, _UNAVAILABLE, _TIMEOUT, _DENIED, _INVALID, _INTERNAL
 private:
  std::int32_t code_;
};

enum class Dialect : std::uint8_t { sqlite, postgresql };

/// Who acts, and within which request: stands in the audit rows. Plain values, so that it outlives the request.
struct Actor {
  std::string kind = "system", id, address, request_id;
};

/// One audit row, and an event when topic is not empty (see atrium_change).
struct Change {
  std::string action, resource, resource_id, topic, data, owner;
  std::string outcome = "success";
};

/// A committed change that had a topic.
struct Event {
  std::int64_t sequence = 0;
  std::int64_t time_us = 0;
  std::string topic, resource_id, owner, data, actor;
};
using EventPtr = std::shared_ptr<const Event>;

/// Inside a transaction's function, on the thread that runs it.
class Transaction {
 public:
  virtual ~Transaction() = default;
  /// `owner`: whose tables these may be ("kernel" or a plugin's id), checked when the statement is first prepared.
  /// `?` stands for the parameters in order. Returns the number of rows changed. Text holds no U+0000
  /// (ATRIUM_E_INVALID). After a statement that failed the transaction can only roll back, whatever the function makes
  /// of it: say ON CONFLICT where a conflict is no failure. PostgreSQL infers a parameter's type from its place: in
  /// arithmetic with a constant say CAST(? AS BIGINT), which both dialects understand.
  virtual std::int64_t exec(std::string_view owner, std::string_view sql, Values parameters, const RowFn& row = {}) = 0;
  virtual void record(Change change) = 0;
  virtual const Actor& actor() const = 0;
  /// Runs after the commit, on the committing thread; dropped on rollback. Must not wait.
  virtual void after_commit(std::function<void()> work) = 0;
};

/// Runs SQL and record() and nothing else; may be run again. ATRIUM_OK commits; anything else, or throwing, rolls back.
using TransactionFn = std::function<std::int32_t(Transaction&)>;
/// status: what the function returned, or ATRIUM_E_* with `why`.
using CommitFn = std::function<void(std::int32_t status, const std::string& why)>;

/// Which tables an owner may touch.
struct TableGrant {
  std::string owner;
  std::vector<std::string> tables;
};

struct DatabaseOptions {
  std::string url;  ///< "sqlite:/path/atrium.db" or "postgresql://..."
  int readers = 4;  ///< sessions for reading
  std::size_t max_waiting_writes = 10'000;
  std::size_t max_batch = 512;                          ///< writes that share one commit
  int statement_cache = 256;                            ///< prepared statements a session
  std::string audit_key;                                ///< 32 bytes; keys the audit chain
  std::filesystem::path audit_head = {};                ///< where its newest row is noted; empty: nowhere
  std::chrono::milliseconds transaction_limit{10'000};  ///< what one transaction's function may take
};

class Database {
 public:
  static std::unique_ptr<Database> open(const DatabaseOptions& options);
  virtual ~Database() = default;

  virtual Dialect dialect() const = 0;
  virtual void grant(TableGrant grant) = 0;

  /// Reads outside any transaction on a session of the pool; waits for a free one (bounded, then ATRIUM_E_UNAVAILABLE).
  virtual void read(std::string_view owner, std::string_view sql, Values parameters, const RowFn& row) = 0;
  /// True where read() takes microseconds and may run on an I/O thread.
  virtual bool reads_are_local() const = 0;

  /// Queues one transaction; `done` is called exactly once, on the committing thread, or on the caller's before this
  /// returns when the queue is full (ATRIUM_E_UNAVAILABLE). Never waits. A deadline that passes in the queue:
  /// ATRIUM_E_TIMEOUT, and the function does not run.
  virtual void submit(Actor actor, TransactionFn function, std::chrono::milliseconds deadline, CommitFn done) = 0;
  /// The same, waiting; throws SqlError on failure, else returns what the function returned.
  std::int32_t transact(Actor actor, TransactionFn function,
                        std::chrono::milliseconds deadline = std::chrono::milliseconds(10'000));

  /// Called on the committing thread with each commit's events in order; must not wait. Set once, before traffic.
  std::function<void(std::vector<EventPtr>)> on_events;
  /// Runs statements of a migration file one by one; in one transaction with its bookkeeping.
  virtual void migrate(std::string_view owner, const std::string& name, const std::string& sql) = 0;
  virtual void checkpoint() = 0;
  /// A consistent copy of the whole database while it serves (SQLite only; PostgreSQL has pg_dump).
  virtual void backup_to(const std::string& file) = 0;
  struct Counters {
    std::uint64_t commits, writes, rollbacks, waiting, reads;
  };
  virtual Counters counters() const = 0;

 protected:
  virtual bool on_committing_thread() const = 0;
};

}  // namespace kernel::storage
