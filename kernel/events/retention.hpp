#pragma once
// Removes old events, a few at a time.
#include "events/reader.hpp"

#include <algorithm>

namespace kernel::events {

/// Keeps the newest `keep` events, and beyond them what the slowest durable cursor has not passed yet, up to
/// `max_kept_factor` times `keep`: then the subscriber loses what is older, and a warning says so.
class Retention {
 public:
  Retention(storage::Database& database, Reader& reader, std::int64_t keep)
      : database_(database), reader_(reader), keep_(std::max<std::int64_t>(keep, 1)) {}

  static constexpr std::int64_t max_kept_factor = 4;
  static constexpr std::int64_t batch = 1'000;

  /// Removes at most one batch. True: there is more to remove. Waits for the database; throws storage::SqlError.
  bool remove_some();

 private:
  std::int64_t removable_up_to();

  storage::Database& database_;
  Reader& reader_;
  const std::int64_t keep_;
};

}  // namespace kernel::events
