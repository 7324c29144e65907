#pragma once
// One connection to the database with its prepared statements. Used by one thread at a time.
#include "storage/database.hpp"
#include "storage/grants.hpp"

#include <chrono>
#include <memory>

namespace kernel::storage {

using Clock = std::chrono::steady_clock;

/// A failure after which the whole transaction may be run again.
class TryAgain : public SqlError {
 public:
  enum class Cause : std::uint8_t {
    contention,       ///< serialisation fault, deadlock, a plan or statement that went stale
    connection_lost,  ///< the session must be replaced
  };
  TryAgain(Cause cause, std::string message) : SqlError(ATRIUM_E_UNAVAILABLE, std::move(message)), cause_(cause) {}
  Cause cause() const { return cause_; }

 private:
  Cause cause_;
};

class Session {
 public:
  enum class Use : std::uint8_t { reading, writing };
  /// Of the transaction: none may also be what an error left of it; failed can only be rolled back.
  enum class State : std::uint8_t { none, active, failed };
  struct Outcome {
    std::int64_t affected = 0;
    bool changed = false;  ///< something that a rollback would have to undo
  };

  virtual ~Session() = default;
  /// A statement with parameters, prepared once. May be called from within `row`.
  virtual Outcome exec(std::string_view owner, std::string_view sql, Values parameters, const RowFn& row) = 0;
  /// One statement of a migration: not kept, and the owner may define its tables.
  virtual void define(std::string_view owner, const std::string& sql) = 0;
  /// A fixed statement of the kernel's own, such as BEGIN.
  virtual void command(const char* sql) = 0;
  virtual void begin() = 0;
  virtual State state() const = 0;
  /// Statements that run past it fail with ATRIUM_E_TIMEOUT.
  virtual void limit(Clock::time_point deadline) = 0;

  void commit() { command("COMMIT"); }
  /// Never throws: a session that cannot roll back is replaced by its user.
  void rollback() noexcept;
};

struct SessionOptions {
  std::string target;  ///< a file's path, or a PostgreSQL URL
  Session::Use use = Session::Use::reading;
  std::size_t statement_cache = 256;
  std::chrono::milliseconds statement_limit{30'000};  ///< where the server itself stops a statement
  const Grants* grants = nullptr;                     ///< outlives the session
};

/// Both throw SqlError, ATRIUM_E_UNAVAILABLE with what to do when the database cannot be reached.
std::unique_ptr<Session> open_sqlite(const SessionOptions& options);
std::unique_ptr<Session> open_postgresql(const SessionOptions& options);

/// Refuses text that not every dialect can keep (ATRIUM_E_INVALID).
void check_text(std::string_view text);

}  // namespace kernel::storage
