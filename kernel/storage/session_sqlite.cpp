// A session on SQLite. SOCI opens it and prepares the statements; rows are read from the statement itself, because
// SOCI's row exchange copies each column twice.
#include "storage/session.hpp"
#include "storage/sqlite_checkpointer.hpp"
#include "storage/sql_text.hpp"
#include "storage/sqlite_handle.hpp"
#include "storage/statement_cache.hpp"

#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include <array>
#include <charconv>
#include <cstring>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

namespace kernel::storage {
namespace {

using namespace sqlite_api;  // where SOCI includes sqlite3.h

constexpr int busy_timeout_ms = 10'000;  ///< another process may hold the write lock
constexpr int steps_between_clock_reads = 20'000;

struct Statement {
  explicit Statement(soci::sqlite3_session_backend& session) : backend(session.make_statement_backend()) {}
  ~Statement() { backend->clean_up(); }
  Statement(const Statement&) = delete;
  sqlite3_stmt* handle() const { return backend->stmt_; }

  std::unique_ptr<soci::sqlite3_statement_backend> backend;
  std::string owner;
  bool busy = false;  ///< a row function runs the same statement again
};

/// Ends a statement's run whichever way it went, so that no read transaction stays open.
class Run {
 public:
  explicit Run(Statement& statement) : statement_(statement) { statement_.busy = true; }
  ~Run() {
    sqlite3_reset(statement_.handle());
    statement_.busy = false;
  }
  Run(const Run&) = delete;

 private:
  Statement& statement_;
};

class SqliteSession final : public Session, public SqliteHandle {
 public:
  explicit SqliteSession(const SessionOptions& options)
      : grants_(*options.grants), statements_(options.statement_cache) {
    try {
      session_.open(soci::sqlite3, "dbname=\"" + options.target + "\"");
    } catch (const soci::soci_error& error) {
      throw SqlError(ATRIUM_E_UNAVAILABLE, "cannot open " + options.target + ": " + error.what() +
                                               "; check that its directory exists and is writable");
    }
    backend_ = static_cast<soci::sqlite3_session_backend*>(session_.get_backend());
    db_ = backend_->conn_;
    sqlite3_extended_result_codes(db_, 1);
    sqlite3_busy_timeout(db_, busy_timeout_ms);
    sqlite3_db_config(db_, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, nullptr);
    sqlite3_db_config(db_, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
    sqlite3_db_config(db_, SQLITE_DBCONFIG_DQS_DDL, 0, nullptr);
    sqlite3_db_config(db_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    configure(options);
    sqlite3_set_authorizer(db_, &SqliteSession::authorize, this);
    sqlite3_progress_handler(db_, steps_between_clock_reads, &SqliteSession::expired, this);
  }

  ~SqliteSession() override {
    checkpointer_.reset();
    statements_.clear();
    session_.close();
  }

  Outcome exec(std::string_view owner, std::string_view sql, Values parameters, const RowFn& row) override {
    auto statement = statements_.find(owner, sql);
    if (!statement) {
      statement = prepare(owner, sql, false);
      statements_.insert(owner, sql, statement);
    } else if (statement->busy) {
      statement = prepare(owner, sql, false);
    }
    // A schema change prepares it again inside step(), which asks authorize() again.
    const Acting acting(*this, statement->owner, false);
    return run(*statement, parameters, row);
  }

  void define(std::string_view owner, const std::string& sql) override {
    auto statement = prepare(owner, sql, true);
    const Acting acting(*this, statement->owner, true);
    run(*statement, {}, {});
  }

  void command(const char* sql) override {
    const Acting acting(*this, "kernel", false);
    if (const int code = sqlite3_exec(db_, sql, nullptr, nullptr, nullptr); code != SQLITE_OK) fail(code);
  }

  void begin() override { command("BEGIN IMMEDIATE"); }
  State state() const override { return sqlite3_get_autocommit(db_) == 0 ? State::active : State::none; }
  void limit(Clock::time_point deadline) override { deadline_ = deadline; }
  sqlite3* handle() override { return db_; }

 private:
  /// Whose statement is being prepared or run, for authorize().
  class Acting {
   public:
    Acting(SqliteSession& session, std::string_view owner, bool migrating)
        : session_(session), owner_(session.owner_), migrating_(session.migrating_) {
      session.owner_ = owner;
      session.migrating_ = migrating;
    }
    ~Acting() {
      session_.owner_ = owner_;
      session_.migrating_ = migrating_;
    }

   private:
    SqliteSession& session_;
    std::string_view owner_;
    bool migrating_;
  };

  void configure(const SessionOptions& options) {
    command("PRAGMA foreign_keys=ON");
    command("PRAGMA temp_store=MEMORY");
    command("PRAGMA mmap_size=67108864");
    if (options.use == Use::reading) {
      command("PRAGMA cache_size=-1024");
      command("PRAGMA query_only=ON");
      return;
    }
    turn_to_wal();
    command("PRAGMA synchronous=FULL");
    command("PRAGMA cache_size=-8192");
    command("PRAGMA journal_size_limit=67108864");
    checkpointer_ = std::make_unique<SqliteCheckpointer>(options.target, db_);
  }

  /// SQLite does not wait by itself where two processes turn the same new file at once.
  void turn_to_wal() {
    const auto until = Clock::now() + std::chrono::milliseconds(busy_timeout_ms);
    for (;;) {
      const int code = sqlite3_exec(db_, "PRAGMA journal_mode=WAL", nullptr, nullptr, nullptr);
      if (code == SQLITE_OK) return;
      if ((code & 0xff) != SQLITE_BUSY || Clock::now() >= until) fail(code);
      sqlite3_sleep(5);
    }
  }

  std::shared_ptr<Statement> prepare(std::string_view owner, std::string_view sql, bool migrating) {
    check_statement_kind(owner, sql, migrating);
    auto statement = std::make_shared<Statement>(*backend_);
    statement->owner = owner;
    const Acting acting(*this, owner, migrating);
    denied_.clear();
    try {
      statement->backend->prepare(std::string(sql), soci::details::st_repeatable_query);
    } catch (const soci::sqlite3_soci_error& error) {
      fail(sqlite3_extended_errcode(db_));
    }
    if (statement->handle() == nullptr) throw SqlError(ATRIUM_E_INTERNAL, "an empty statement");
    return statement;
  }

  Outcome run(Statement& statement, Values parameters, const RowFn& row) {
    const Run running(statement);
    auto* handle = statement.handle();
    bind(handle, parameters);
    const auto changes_before = sqlite3_total_changes64(db_);
    int code = sqlite3_step(handle);
    if (code == SQLITE_ROW && row) {
      code = deliver(handle, row);
    } else {
      while (code == SQLITE_ROW) code = sqlite3_step(handle);
    }
    if (code != SQLITE_DONE && code != SQLITE_ROW) fail(code);
    if (sqlite3_stmt_readonly(handle) != 0) return {};
    const bool defines = sqlite3_stmt_isexplain(handle) == 0 && sqlite3_column_count(handle) == 0 &&
                         sqlite3_total_changes64(db_) == changes_before && defines_schema(handle);
    const bool changed = sqlite3_total_changes64(db_) != changes_before;
    return {changed ? sqlite3_changes64(db_) : 0, changed || defines};
  }

  static bool defines_schema(sqlite3_stmt* handle) {
    const auto word = first_word(sqlite3_sql(handle));
    return word != "insert" && word != "update" && word != "delete" && word != "with" && word != "replace";
  }

  static void bind(sqlite3_stmt* handle, Values parameters) {
    if (static_cast<std::size_t>(sqlite3_bind_parameter_count(handle)) != parameters.size())
      throw SqlError(ATRIUM_E_INTERNAL, "the statement has " + std::to_string(sqlite3_bind_parameter_count(handle)) +
                                            " parameters, " + std::to_string(parameters.size()) + " values were given");
    int position = 0;
    for (const auto& value : parameters) {
      ++position;
      if (const auto* integer = std::get_if<std::int64_t>(&value)) {
        sqlite3_bind_int64(handle, position, *integer);
      } else if (const auto* real = std::get_if<double>(&value)) {
        sqlite3_bind_double(handle, position, *real);
      } else if (const auto* text = std::get_if<std::string_view>(&value)) {
        check_text(*text);
        sqlite3_bind_text64(handle, position, text->data() ? text->data() : "", text->size(), SQLITE_STATIC,
                            SQLITE_UTF8);
      } else {
        sqlite3_bind_null(handle, position);
      }
    }
  }

  /// Returns SQLITE_DONE, SQLITE_ROW when the receiver had enough, or the error.
  static int deliver(sqlite3_stmt* handle, const RowFn& row) {
    struct Real {
      std::array<char, 32> digits;
    };
    const auto count = static_cast<std::size_t>(sqlite3_column_count(handle));
    std::array<std::optional<std::string_view>, 32> few;
    std::vector<std::optional<std::string_view>> many(count > few.size() ? count : 0);
    const std::span columns(many.empty() ? few.data() : many.data(), count);
    std::vector<Real> reals;  // SQLite itself writes only 15 digits
    int code = SQLITE_ROW;
    for (; code == SQLITE_ROW; code = sqlite3_step(handle)) {
      for (std::size_t i = 0; i < count; ++i) {
        const int column = static_cast<int>(i);
        const int type = sqlite3_column_type(handle, column);
        if (type == SQLITE_NULL) {
          columns[i].reset();
        } else if (type == SQLITE_FLOAT) {
          if (reals.empty()) reals.resize(count);
          auto& digits = reals[i].digits;
          const auto end =
              std::to_chars(digits.data(), digits.data() + digits.size(), sqlite3_column_double(handle, column));
          columns[i].emplace(digits.data(), static_cast<std::size_t>(end.ptr - digits.data()));
        } else {
          const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(handle, column));
          columns[i].emplace(text, static_cast<std::size_t>(sqlite3_column_bytes(handle, column)));
        }
      }
      if (!row(columns)) break;
    }
    return code;
  }

  [[noreturn]] void fail(int code) {
    const std::string message = sqlite3_errmsg(db_);
    switch (code & 0xff) {
      case SQLITE_CONSTRAINT:
        throw SqlError(ATRIUM_E_CONFLICT, message);
      case SQLITE_AUTH:
        throw SqlError(ATRIUM_E_DENIED, denied_.empty() ? message : denied_);
      case SQLITE_INTERRUPT:
        throw SqlError(ATRIUM_E_TIMEOUT, "the statement ran longer than it may and was stopped");
      case SQLITE_BUSY:
      case SQLITE_LOCKED:
        throw TryAgain(TryAgain::Cause::contention, "another process holds the database: " + message);
      case SQLITE_FULL:
        throw SqlError(ATRIUM_E_UNAVAILABLE, "the disk is full: free some space (" + message + ")");
      case SQLITE_IOERR:
      case SQLITE_CANTOPEN:
      case SQLITE_READONLY:
        throw SqlError(ATRIUM_E_UNAVAILABLE, "the database file cannot be used: " + message);
      case SQLITE_TOOBIG:
      case SQLITE_MISMATCH:
      case SQLITE_RANGE:
        throw SqlError(ATRIUM_E_INVALID, message);
      default:
        throw SqlError(ATRIUM_E_INTERNAL, message);
    }
  }

  static int expired(void* self) { return Clock::now() > static_cast<SqliteSession*>(self)->deadline_ ? 1 : 0; }

  static int authorize(void* self, int action, const char* first, const char* second, const char*, const char*) {
    return static_cast<SqliteSession*>(self)->authorized(action, first, second) ? SQLITE_OK : SQLITE_DENY;
  }

  bool authorized(int action, const char* first, const char* second) {
    if (is_kernel(owner_)) return true;
    switch (action) {
      case SQLITE_SELECT:
      case SQLITE_RECURSIVE:
        return true;
      case SQLITE_FUNCTION:
        return std::strcmp(second, "load_extension") != 0;
      case SQLITE_PRAGMA:
        return std::strcmp(first, "data_version") == 0;  // full-text search asks for it
      case SQLITE_READ:
        return table_allowed(action, first, second);
      case SQLITE_INSERT:
      case SQLITE_UPDATE:
      case SQLITE_DELETE:
      case SQLITE_CREATE_TABLE:
      case SQLITE_DROP_TABLE:
      case SQLITE_CREATE_VTABLE:
      case SQLITE_DROP_VTABLE:
        return table_allowed(action, first);
      case SQLITE_CREATE_INDEX:
      case SQLITE_DROP_INDEX:
      case SQLITE_CREATE_TRIGGER:
      case SQLITE_DROP_TRIGGER:
      case SQLITE_ALTER_TABLE:
        return migrating_ && table_allowed(action, second);
      case SQLITE_REINDEX:
      case SQLITE_ANALYZE:
        return migrating_;
      default:
        denied_ = "'" + std::string(owner_) + "' may not do this; only rows of its own tables are its business";
        return false;
    }
  }

  bool table_allowed(int action, const char* table, const char* column = "") {
    const std::string_view name = table == nullptr ? "" : table;
    const bool defines =
        action != SQLITE_READ && action != SQLITE_INSERT && action != SQLITE_UPDATE && action != SQLITE_DELETE;
    // The schema's own tables change along with a definition; a subquery reads "nothing" to count rows.
    // Connecting to a full-text table parses its definition, which asks for this; a real update SQLite itself refuses.
    const bool connects = action == SQLITE_UPDATE || (action == SQLITE_READ && std::strcmp(column, "ROWID") == 0);
    if (connects && name == "sqlite_master") return true;
    if (!defines && (name.empty() || (migrating_ && name.starts_with("sqlite_")))) return true;
    if (!(defines && !migrating_) && grants_.allowed(owner_, name)) return true;
    denied_ = "'" + std::string(owner_) + "' may not touch table '" + std::string(name) +
              "': list it under \"tables\" if it is its own";
    return false;
  }

  const Grants& grants_;
  soci::session session_;
  soci::sqlite3_session_backend* backend_ = nullptr;
  sqlite3* db_ = nullptr;
  std::unique_ptr<SqliteCheckpointer> checkpointer_;  ///< of the writing session
  StatementCache<Statement> statements_;
  std::string_view owner_ = "kernel";
  bool migrating_ = false;
  std::string denied_;
  Clock::time_point deadline_ = Clock::time_point::max();
};

}  // namespace

std::unique_ptr<Session> open_sqlite(const SessionOptions& options) {
  if (options.target.find('"') != std::string::npos)
    throw SqlError(ATRIUM_E_INVALID, "the database's path must not contain a double quote");
  return std::make_unique<SqliteSession>(options);
}

}  // namespace kernel::storage
