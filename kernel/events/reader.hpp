#pragma once
// The event log as the database holds it.
#include "events/log.hpp"

#include <optional>
#include <vector>

namespace kernel::events {

/// Reads the `events` table. Thread-safe; every function reads the database and throws storage::SqlError.
class Reader {
 public:
  explicit Reader(storage::Database& database) : database_(database) {}
  std::vector<EventPtr> after(std::int64_t sequence, std::size_t limit);
  /// The lowest sequence; nullopt when the table is empty.
  std::optional<std::int64_t> lowest();
  /// The highest sequence ever given, 0 when there was none.
  std::int64_t highest();

 private:
  storage::Database& database_;
};

}  // namespace kernel::events
