#include "storage/sqlite_backup.hpp"

#include "storage/sqlite_handle.hpp"

#include <soci/sqlite3/soci-sqlite3.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>

namespace kernel::storage {

using namespace sqlite_api;  // where SOCI includes sqlite3.h

namespace {

struct Close {
  void operator()(sqlite3* db) const { sqlite3_close(db); }
};

[[noreturn]] void fail(const std::string& file, const std::string& why) {
  throw SqlError(ATRIUM_E_UNAVAILABLE, "cannot write the backup " + file + ": " + why);
}

void copy(sqlite3* source, const std::string& file) {
  sqlite3* opened = nullptr;
  const int code = sqlite3_open_v2(file.c_str(), &opened, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
  const std::unique_ptr<sqlite3, Close> target(opened);
  if (code != SQLITE_OK) fail(file, target ? sqlite3_errmsg(target.get()) : "out of memory");
  auto* backup = sqlite3_backup_init(target.get(), "main", source, "main");
  if (backup == nullptr) fail(file, sqlite3_errmsg(target.get()));
  // All pages in one step: one snapshot, which neither waits for the writer nor holds it up.
  sqlite3_backup_step(backup, -1);
  if (sqlite3_backup_finish(backup) != SQLITE_OK) fail(file, sqlite3_errmsg(target.get()));
  // A single file that stands by itself, without a log beside it.
  if (sqlite3_exec(target.get(), "PRAGMA journal_mode=DELETE", nullptr, nullptr, nullptr) != SQLITE_OK)
    fail(file, sqlite3_errmsg(target.get()));
}

}  // namespace

void backup_sqlite(Session& session, const std::string& file) {
  auto& handle = dynamic_cast<SqliteHandle&>(session);
  const auto partial = file + ".part";
  std::filesystem::remove(partial);
  copy(handle.handle(), partial);
  std::filesystem::permissions(partial, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  if (std::rename(partial.c_str(), file.c_str()) != 0) fail(file, std::strerror(errno));
}

}  // namespace kernel::storage
