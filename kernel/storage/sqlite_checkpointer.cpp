#include "storage/sqlite_checkpointer.hpp"

#include "storage/database.hpp"

#include <soci/sqlite3/soci-sqlite3.h>

namespace kernel::storage {

using namespace sqlite_api;  // where SOCI includes sqlite3.h

SqliteCheckpointer::SqliteCheckpointer(const std::string& path, sqlite3* writer) : writer_(writer) {
  if (sqlite3_open_v2(path.c_str(), &own_, SQLITE_OPEN_READWRITE, nullptr) != SQLITE_OK) {
    sqlite3_close(own_);
    throw SqlError(ATRIUM_E_UNAVAILABLE, "cannot open " + path + " a second time");
  }
  sqlite3_exec(own_, "PRAGMA synchronous=FULL", nullptr, nullptr, nullptr);
  thread_ = std::thread([this] { loop(); });
  sqlite3_wal_hook(
      writer_,
      [](void* self, sqlite3* db, const char*, int pages) {
        if (pages > most_pages) sqlite3_wal_checkpoint_v2(db, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
        if (pages < enough_pages) return SQLITE_OK;
        auto& checkpointer = *static_cast<SqliteCheckpointer*>(self);
        {
          const std::lock_guard lock(checkpointer.mutex_);
          checkpointer.wanted_ = true;
        }
        checkpointer.woken_.notify_one();
        return SQLITE_OK;
      },
      this);
}

SqliteCheckpointer::~SqliteCheckpointer() {
  sqlite3_wal_hook(writer_, nullptr, nullptr);
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  woken_.notify_one();
  thread_.join();
  sqlite3_close(own_);
}

void SqliteCheckpointer::loop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    woken_.wait(lock, [this] { return wanted_ || stopping_; });
    if (stopping_) return;
    wanted_ = false;
    lock.unlock();
    // What it cannot do now (a reader holds an old snapshot), the next one does.
    sqlite3_wal_checkpoint_v2(own_, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
    lock.lock();
  }
}

}  // namespace kernel::storage
