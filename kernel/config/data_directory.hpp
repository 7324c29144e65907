#pragma once
// The folder of one kernel: made private, and held by one process at a time.
#include <filesystem>

namespace kernel::config {

class DataDirectory {
 public:
  /// Makes the folder (0700) and takes its lock. Throws std::runtime_error that says who holds it, or why it cannot be
  /// used. The lock ends with the process, whatever ends it.
  explicit DataDirectory(const std::filesystem::path& path);
  ~DataDirectory();
  DataDirectory(const DataDirectory&) = delete;
  DataDirectory& operator=(const DataDirectory&) = delete;

 private:
  int lock_ = -1;
};

}  // namespace kernel::config
