#pragma once
// The store of the fake host: an SQLite database in memory, one transaction at a time.
#include "fake_jobs.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

/// Behind a transaction's handle.
struct atrium_tx {
  atrium::testing::FakeCore* host;
  const atrium_principal* who;
  std::vector<std::function<void()>> on_commit{};
};

namespace atrium::testing {

class FakeDb {
 public:
  explicit FakeDb(FakeCore& core) : core_(core) {
    if (sqlite3_open(":memory:", &db_) != SQLITE_OK)
      throw std::runtime_error("SQLite cannot open a database in memory");
    script("PRAGMA foreign_keys = ON");
  }
  FakeDb(const FakeDb&) = delete;
  ~FakeDb() {
    for (auto& [sql, statement] : statements_) sqlite3_finalize(statement);
    sqlite3_close(db_);
  }

  /// Applies NNNN_name.sql and NNNN_name.sqlite.sql of a plugin's migrations folder, in order.
  void migrate(const std::filesystem::path& folder) {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder))
      if (entry.path().extension() == ".sql" && entry.path().stem().extension() != ".postgresql")
        files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    for (const auto& file : files) {
      std::ifstream in(file);
      script(std::string(std::istreambuf_iterator<char>(in), {}));
    }
  }
  /// Statements of a test's own, to prepare or to spoil what the plugin will meet.
  void script(const std::string& sql) {
    char* why = nullptr;
    if (sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, &why) == SQLITE_OK) return;
    const std::string message = why ? why : "unknown";
    sqlite3_free(why);
    throw std::runtime_error("SQL: " + message);
  }

  /// Runs every transaction's function twice, the first time for nothing, as a serialisation fault does.
  bool repeats = false;
  /// The next transaction fails with this instead of being committed.
  void fail_next_commit(std::int32_t code) { failing_ = code; }
  std::int64_t commits() const { return commits_; }

  static void check(const atrium_tx* tx) {
    if (tx != current_) broken("a transaction's handle is used outside of the transaction's function");
  }
  static atrium_tx* current() { return current_; }

  std::int32_t transact(const atrium_principal* who, atrium_tx_fn function, void* context, std::string& why) {
    const std::lock_guard one_at_a_time(writing_);
    if (repeats) attempt(who, function, context, false, why);
    return attempt(who, function, context, true, why);
  }

  static const atrium_db table;

 private:
  std::int32_t attempt(const atrium_principal* who, atrium_tx_fn function, void* context, bool keep, std::string& why) {
    atrium_tx tx{&core_, who};
    script("BEGIN");
    current_ = &tx;
    std::int32_t status = function(context, &tx);
    current_ = nullptr;
    if (status == ATRIUM_OK && keep) {
      if (const auto failure = std::exchange(failing_, ATRIUM_OK); failure != ATRIUM_OK) {
        status = failure;
        why = "the commit failed";
      }
    } else if (status != ATRIUM_OK) {
      why = "the transaction's function refused, so it was rolled back";
    }
    if (status != ATRIUM_OK || !keep) {
      script("ROLLBACK");
      return status;
    }
    script("COMMIT");
    ++commits_;
    for (const auto& publish : tx.on_commit) publish();
    return status;
  }

  sqlite3_stmt* prepared(std::string_view sql, std::string& why) {
    if (const auto found = statements_.find(sql); found != statements_.end()) return found->second;
    sqlite3_stmt* statement = nullptr;
    const char* rest = nullptr;
    if (sqlite3_prepare_v2(db_, sql.data(), static_cast<int>(sql.size()), &statement, &rest) != SQLITE_OK)
      return why = sqlite3_errmsg(db_), nullptr;
    while (rest != sql.data() + sql.size() && (*rest == ' ' || *rest == '\n' || *rest == ';')) ++rest;
    if (!statement || rest != sql.data() + sql.size()) {
      sqlite3_finalize(statement);
      return why = "one statement at a time", nullptr;
    }
    return statements_.emplace(sql, statement).first->second;
  }
  static void bind(sqlite3_stmt* statement, int at, const atrium_value& value) {
    switch (value.type) {
      case ATRIUM_NULL:
        sqlite3_bind_null(statement, at);
        return;
      case ATRIUM_BOOL:
        sqlite3_bind_int(statement, at, value.as.i != 0);
        return;
      case ATRIUM_INT:
        sqlite3_bind_int64(statement, at, value.as.i);
        return;
      case ATRIUM_REAL:
        sqlite3_bind_double(statement, at, value.as.d);
        return;
      case ATRIUM_TEXT:
        sqlite3_bind_text(statement, at, value.as.s.data ? value.as.s.data : "", static_cast<int>(value.as.s.len),
                          SQLITE_TRANSIENT);
        return;
      default:
        broken("a parameter has no type of atrium_value");
    }
  }
  using Kept = std::vector<std::optional<std::string>>;
  static Kept row_of(sqlite3_stmt* statement) {
    Kept row(static_cast<std::size_t>(sqlite3_column_count(statement)));
    for (std::size_t i = 0; i < row.size(); ++i) {
      const int at = static_cast<int>(i);
      if (sqlite3_column_type(statement, at) == SQLITE_NULL) continue;
      const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, at));
      row[i] = std::string(text, static_cast<std::size_t>(sqlite3_column_bytes(statement, at)));
    }
    return row;
  }

  std::int32_t exec(bool may_write, std::string_view sql, const atrium_value* values, std::size_t n, atrium_row_fn row,
                    void* context, std::int64_t* affected, atrium_err* error) {
    const std::lock_guard one_at_a_time(writing_);
    std::string why;
    sqlite3_stmt* statement = prepared(sql, why);
    if (!statement) return fail(error, ATRIUM_E_INVALID, why);
    const bool reads = sqlite3_stmt_readonly(statement) != 0;
    if (!reads && !may_write) return fail(error, ATRIUM_E_INVALID, "writing needs a transaction");
    if (static_cast<std::size_t>(sqlite3_bind_parameter_count(statement)) != n)
      return fail(error, ATRIUM_E_INVALID, "the number of parameters does not fit: " + std::string(sql));
    for (std::size_t i = 0; i < n; ++i) {
      if (values[i].type == ATRIUM_TEXT && text_of(values[i].as.s).find('\0') != std::string_view::npos)
        return fail(error, ATRIUM_E_INVALID, "text must not contain the character U+0000");
      bind(statement, static_cast<int>(i) + 1, values[i]);
    }
    std::vector<Kept> rows;  // a row function may run the same statement again
    int step;
    while ((step = sqlite3_step(statement)) == SQLITE_ROW) rows.push_back(row_of(statement));
    why = sqlite3_errmsg(db_);
    const int primary = sqlite3_errcode(db_) & 0xff;
    if (affected) *affected = reads || step != SQLITE_DONE ? 0 : sqlite3_changes64(db_);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    if (step != SQLITE_DONE)
      return fail(error, primary == SQLITE_CONSTRAINT ? ATRIUM_E_CONFLICT : ATRIUM_E_INTERNAL, why);
    deliver(rows, row, context);
    return ATRIUM_OK;
  }
  static void deliver(const std::vector<Kept>& rows, atrium_row_fn row, void* context) {
    if (!row) return;
    std::vector<atrium_value> columns;
    for (const auto& kept : rows) {
      columns.clear();
      for (const auto& column : kept) {
        atrium_value value{column ? ATRIUM_TEXT : ATRIUM_NULL, 0, {}};
        if (column) value.as.s = view(*column);
        columns.push_back(value);
      }
      if (row(context, columns.data(), columns.size()) != 0) return;
    }
  }

  static std::int32_t exec_call(const atrium_host* host, atrium_tx* tx, atrium_str sql, const atrium_value* values,
                                std::size_t n, atrium_row_fn row, void* context, std::int64_t* affected,
                                atrium_err* error) {
    if (tx) check(tx);
    if (!tx && current_) broken("inside a transaction's function the transaction reads, not the store");
    return FakeCore::of(host).db->exec(tx != nullptr, text_of(sql), values, n, row, context, affected, error);
  }
  static void transact_later(const atrium_host* host, const atrium_principal* who, atrium_tx_fn function, void* context,
                             std::int64_t, atrium_done_fn done) {
    auto& core = FakeCore::of(host);
    const std::shared_ptr<atrium_principal> kept(who ? new atrium_principal(*who) : nullptr);
    core.jobs->post([&core, kept, function, context, done] {
      std::string why;
      const auto status = core.db->transact(kept.get(), function, context, why);
      atrium_err error{};
      if (status < 0) fail(&error, status, why);
      done(context, status, status < 0 ? &error : nullptr);
    });
  }

  static inline thread_local atrium_tx* current_ = nullptr;
  FakeCore& core_;
  sqlite3* db_ = nullptr;
  std::map<std::string, sqlite3_stmt*, std::less<>> statements_;
  std::recursive_mutex writing_;
  std::int32_t failing_ = ATRIUM_OK;
  std::int64_t commits_ = 0;
};

inline const atrium_db FakeDb::table{sizeof(atrium_db),
                                     0,
                                     [](const atrium_host*) { return view("sqlite"); },
                                     &FakeDb::exec_call,
                                     [](const atrium_host* host, const atrium_principal* who, atrium_tx_fn function,
                                        void* context, std::int64_t, atrium_err* error) -> std::int32_t {
                                       if (current_)
                                         return fail(error, ATRIUM_E_INVALID,
                                                     "transact() inside a transaction would wait for itself");
                                       std::string why;
                                       const auto status = FakeCore::of(host).db->transact(who, function, context, why);
                                       return status < 0 ? fail(error, status, why) : status;
                                     },
                                     &FakeDb::transact_later};

}  // namespace atrium::testing
