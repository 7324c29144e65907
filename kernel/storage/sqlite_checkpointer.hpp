#pragma once
#include "storage/sqlite_handle.hpp"

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

namespace kernel::storage {

/// Moves the write-ahead log into the database beside the writer, on a thread and connection of its own, so that a
/// commit does not wait for it. Where the log outgrows `most_pages` all the same, the commit moves the rest.
class SqliteCheckpointer {
 public:
  /// Watches the commits of `writer`, which outlives this.
  SqliteCheckpointer(const std::string& path, sqlite_api::sqlite3* writer);
  ~SqliteCheckpointer();
  SqliteCheckpointer(const SqliteCheckpointer&) = delete;
  SqliteCheckpointer& operator=(const SqliteCheckpointer&) = delete;

  static constexpr int enough_pages = 2'000, most_pages = 16'000;

 private:
  void loop();

  sqlite_api::sqlite3* writer_;
  sqlite_api::sqlite3* own_ = nullptr;
  std::mutex mutex_;
  std::condition_variable woken_;
  bool wanted_ = false, stopping_ = false;
  std::thread thread_;
};

}  // namespace kernel::storage
