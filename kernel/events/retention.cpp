#include "events/retention.hpp"

#include "observability/log.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace kernel::events {

bool Retention::remove_some() {
  const auto lowest = reader_.lowest();
  if (!lowest) return false;
  const std::int64_t last = removable_up_to();
  if (*lowest > last) return false;
  const std::int64_t until = std::min(last, *lowest + batch - 1);
  database_.transact({.kind = "system", .id = "events", .address = {}, .request_id = {}},
                     [&](storage::Transaction& tx) {
                       const std::array<storage::Value, 1> values{until};
                       tx.exec("kernel", "DELETE FROM events WHERE sequence <= ?", values);
                       return ATRIUM_OK;
                     });
  return until < last;
}

std::int64_t Retention::removable_up_to() {
  const std::int64_t highest = reader_.highest();
  std::int64_t last = highest - keep_;
  std::optional<std::int64_t> slowest;
  std::string name;
  database_.read("kernel", "SELECT sequence, subscriber FROM event_cursors ORDER BY sequence LIMIT 1", {},
                 [&](storage::Row row) {
                   std::int64_t value = 0;
                   std::from_chars(row[0]->data(), row[0]->data() + row[0]->size(), value);
                   slowest = value;
                   name = row[1].value_or("");
                   return false;
                 });
  if (!slowest || *slowest >= last) return last;
  const std::int64_t bound = highest - keep_ * max_kept_factor;
  if (*slowest < bound)
    observability::log(observability::Level::warning, "events",
                       "durable subscriber " + name + " lags more than " + std::to_string(keep_ * max_kept_factor) +
                           " events behind and loses the oldest");
  return std::max(*slowest, bound);
}

}  // namespace kernel::events
