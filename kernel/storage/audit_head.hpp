#pragma once
// How far the audit log has come, kept beside the database: who can only write the database cannot cut rows off its end
// unnoticed.
#include "storage/file_descriptor.hpp"

#include <cstdint>
#include <filesystem>
#include <string>

namespace kernel::storage {

class AuditHead {
 public:
  /// The newest row that is known to have been committed; sequence 0 where none is.
  struct Point {
    std::int64_t sequence = 0;
    std::string code;  ///< the row's `mac`
  };
  static constexpr const char* file_name = "audit-head";  ///< in the data directory

  /// Opens the file, or makes it with mode 0600. Throws std::system_error naming it.
  explicit AuditHead(const std::filesystem::path& file);
  /// What the file says now; other processes write it too. A file that cannot be understood says nothing.
  Point read() const;
  /// Never goes back. In the page cache at once, so that it survives the process; not forced to the disk: after a power
  /// failure it may be some rows behind, which `audit verify` takes for what it is. Throws std::system_error.
  void advance(const Point& newest);

 private:
  FileDescriptor file_;
  std::filesystem::path path_;
};

}  // namespace kernel::storage
