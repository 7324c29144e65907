#pragma once
// A durable subscriber's row in `event_cursors`: how far it has come, and which node runs it.
#include "storage/database.hpp"

#include <chrono>
#include <optional>
#include <string>

namespace kernel::events {

/// Every function writes or reads the database, waits for it, and throws storage::SqlError.
class Cursor {
 public:
  /// node: this process in the lease; on SQLite always the same name, so that a restart takes over at once.
  Cursor(storage::Database& database, std::string subscriber, std::string node)
      : database_(database), subscriber_(std::move(subscriber)), node_(std::move(node)) {}

  static constexpr std::chrono::seconds lease_time{15};

  /// Takes or renews the lease, making the row at the log's end if there is none. The sequence reached when this node
  /// holds the lease now, nullopt when another does.
  std::optional<std::int64_t> acquire();
  /// False when another node has taken the lease meanwhile.
  bool advance(std::int64_t sequence);
  /// Lets another node take over at once. Never waits.
  void release();

 private:
  storage::Database& database_;
  const std::string subscriber_, node_;
};

}  // namespace kernel::events
