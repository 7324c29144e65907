#include "storage/migrations.hpp"

#include "storage/digest.hpp"
#include "storage/sql_text.hpp"

#include <chrono>
#include <optional>

namespace kernel::storage {
namespace {

/// A transaction that ends with its scope.
class Scope {
 public:
  Scope(Session& session, Dialect dialect) : session_(session) {
    session.begin();
    if (dialect != Dialect::postgresql) return;
    session.command("SET LOCAL statement_timeout = 0");
    session.command("SELECT pg_advisory_xact_lock(4702111234474983745)");  // "AtriumSQ": any number nobody else uses
  }
  ~Scope() {
    if (!committed_) session_.rollback();
  }
  Scope(const Scope&) = delete;
  void commit() {
    session_.commit();
    committed_ = true;
  }

 private:
  Session& session_;
  bool committed_ = false;
};

void run_statements(Session& session, std::string_view owner, const std::string& name, const std::string& sql) {
  int number = 0;
  for (const auto& statement : split_statements(sql)) {
    ++number;
    try {
      session.define(owner, statement);
    } catch (const TryAgain&) {
      throw;
    } catch (const SqlError& error) {
      throw SqlError(error.code(), "migration " + std::string(owner) + "/" + name + ", statement " +
                                       std::to_string(number) + ": " + error.what());
    }
  }
}

}  // namespace

void prepare_migrations(Session& session, Dialect dialect) {
  Scope scope(session, dialect);
  session.define(
      "kernel",
      "CREATE TABLE IF NOT EXISTS migrations (owner TEXT NOT NULL, name TEXT NOT NULL, checksum TEXT NOT NULL,"
      " applied_at BIGINT NOT NULL, PRIMARY KEY (owner, name))");
  scope.commit();
}

void apply_migration(Session& session, Dialect dialect, std::string_view owner, const std::string& name,
                     const std::string& sql) {
  const auto checksum = sha256_hex(sql);
  Scope scope(session, dialect);
  std::optional<std::string> applied;
  const Value key[] = {owner, std::string_view(name)};
  session.exec("kernel", "SELECT checksum FROM migrations WHERE owner = ? AND name = ?", key, [&](Row row) {
    applied = row[0].value_or("");
    return true;
  });
  if (applied == checksum) return;
  if (applied)
    throw SqlError(ATRIUM_E_CONFLICT,
                   "migration " + std::string(owner) + "/" + name +
                       " was changed after it had been applied: put it back and add a new file instead");
  run_statements(session, owner, name, sql);
  const auto now =
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch());
  const Value values[] = {owner, std::string_view(name), std::string_view(checksum), std::int64_t{now.count()}};
  session.exec("kernel", "INSERT INTO migrations (owner, name, checksum, applied_at) VALUES (?, ?, ?, ?)", values, {});
  scope.commit();
}

}  // namespace kernel::storage
