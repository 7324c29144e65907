#pragma once
#include "storage/database.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace kernel::plugins {

/// The event that tells other nodes to look at the tables of plugins again; no user sees it.
inline constexpr const char* plugins_changed_topic = "plugins.changed";

/// Which plugins somebody switched on or off, on any node. Not thread-safe. Waits for the database, and throws what it
/// throws.
class Switches {
 public:
  /// Call reload() before asking.
  explicit Switches(storage::Database& database) : database_(database) {}
  bool off(const std::string& id) const;
  /// In one transaction with its audit row and its event.
  void set(const storage::Actor& actor, const std::string& id, bool off);
  /// The ids that another node switched since the last time, be it to what they were.
  std::vector<std::string> reload();

 private:
  struct Switch {
    bool off = false;
    std::int64_t revision = 0;
    bool operator==(const Switch&) const = default;
  };
  storage::Database& database_;
  std::map<std::string, Switch> known_;
};

}  // namespace kernel::plugins
