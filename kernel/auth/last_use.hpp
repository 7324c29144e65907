#pragma once
// When a session or a key was last used: noted in memory by every request, written to its row now and then.
#include "auth/sql.hpp"

#include <atrium/types.hpp>

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kernel::auth {

/// [any thread]
struct LastUse {
  /// Every request reads this, one in `precision_us` writes it: the cache line stays shared.
  void note(atrium::Time now, std::int64_t precision_us) {
    if (now.microseconds - noted_us.load(std::memory_order_relaxed) >= precision_us)
      noted_us.store(now.microseconds, std::memory_order_relaxed);
  }
  std::atomic<std::int64_t> noted_us = 0, stored_us = 0;
};

/// Writes what was noted since, of at most 500 values of the cache (each with `id` and `use`), in one transaction that
/// is nobody's change: no audit row, no event. `update` takes the time, the id and the time again, and never moves a
/// row back. [pool thread]
template <class Cache>
void store_last_uses(storage::Database& database, const Cache& cache, std::string_view update) {
  constexpr std::size_t most = 500;
  std::vector<std::pair<std::string, std::int64_t>> uses;
  cache.for_each([&](auto& value) {
    const std::int64_t at = value.use.noted_us.load(std::memory_order_relaxed);
    if (uses.size() >= most || at <= value.use.stored_us.load(std::memory_order_relaxed)) return;
    value.use.stored_us.store(at, std::memory_order_relaxed);
    uses.emplace_back(value.id, at);
  });
  if (uses.empty()) return;
  in_transaction(database, {}, [&](storage::Transaction& transaction) {
    for (const auto& [id, at] : uses) exec(transaction, update, at, id, at);
  });
}

}  // namespace kernel::auth
