#include "events/cursor.hpp"

#include <array>
#include <charconv>

namespace kernel::events {

namespace {

using storage::Value;

constexpr std::chrono::milliseconds write_deadline{10'000};

// The database's clock in microseconds: nodes need not agree on the time.
const char* clock_sql(storage::Dialect dialect) {
  return dialect == storage::Dialect::postgresql ? "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)"
                                                 : "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)";
}

storage::Actor kernel_actor() { return {.kind = "system", .id = "events", .address = {}, .request_id = {}}; }

}  // namespace

std::optional<std::int64_t> Cursor::acquire() {
  const std::string clock = clock_sql(database_.dialect());
  const std::string take =
      "UPDATE event_cursors SET leased_by = ?, lease_until = " + clock +
      " + CAST(? AS BIGINT) WHERE subscriber = ? AND (leased_by IS NULL OR leased_by = ? OR lease_until < " + clock +
      ")";
  const std::int64_t lease = std::chrono::microseconds(lease_time).count();
  std::optional<std::int64_t> reached;
  database_.transact(
      kernel_actor(),
      [&](storage::Transaction& tx) {
        reached.reset();
        const std::array<Value, 1> name{subscriber_};
        tx.exec("kernel",
                "INSERT INTO event_cursors (subscriber, sequence) SELECT CAST(? AS TEXT), event_sequence FROM log_head "
                "WHERE id = 1 ON CONFLICT DO NOTHING",
                name);
        const std::array<Value, 4> values{node_, lease, subscriber_, node_};
        if (tx.exec("kernel", take, values) == 0) return ATRIUM_OK;
        tx.exec("kernel", "SELECT sequence FROM event_cursors WHERE subscriber = ?", name, [&](storage::Row row) {
          std::int64_t sequence = 0;
          std::from_chars(row[0]->data(), row[0]->data() + row[0]->size(), sequence);
          reached = sequence;
          return true;
        });
        return ATRIUM_OK;
      },
      write_deadline);
  return reached;
}

bool Cursor::advance(std::int64_t sequence) {
  bool held = false;
  database_.transact(
      kernel_actor(),
      [&](storage::Transaction& tx) {
        const std::array<Value, 3> values{sequence, subscriber_, node_};
        held = tx.exec("kernel", "UPDATE event_cursors SET sequence = ? WHERE subscriber = ? AND leased_by = ?",
                       values) == 1;
        return ATRIUM_OK;
      },
      write_deadline);
  return held;
}

void Cursor::release() {
  database_.submit(
      kernel_actor(),
      [subscriber = subscriber_, node = node_](storage::Transaction& tx) {
        const std::array<Value, 2> values{subscriber, node};
        tx.exec("kernel",
                "UPDATE event_cursors SET leased_by = NULL, lease_until = NULL WHERE subscriber = ? AND leased_by = ?",
                values);
        return ATRIUM_OK;
      },
      write_deadline, [](std::int32_t, const std::string&) {});
}

}  // namespace kernel::events
