#pragma once
namespace sqlite_api {  // where SOCI includes sqlite3.h
struct sqlite3;
}

namespace kernel::storage {

/// What a session on SQLite offers beside SQL, for the backup.
class SqliteHandle {
 public:
  virtual ~SqliteHandle() = default;
  virtual sqlite_api::sqlite3* handle() = 0;
};

}  // namespace kernel::storage
