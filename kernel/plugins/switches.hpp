#pragma once
#include <filesystem>
#include <set>
#include <string>

namespace kernel::plugins {

/// Which plugins somebody switched off: DATA/plugins-disabled.json, replaced whole so that a crash leaves one or the
/// other. Not thread-safe.
class Switches {
 public:
  explicit Switches(const std::filesystem::path& data);
  bool off(const std::string& id) const { return off_.contains(id); }
  /// Throws std::runtime_error when it cannot be kept.
  void set(const std::string& id, bool off);

 private:
  std::filesystem::path file_;
  std::set<std::string> off_;
};

}  // namespace kernel::plugins
