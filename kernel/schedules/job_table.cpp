#include "schedules/job_table.hpp"

#include "observability/log.hpp"

#include <array>
#include <charconv>
#include <chrono>

namespace kernel::schedules {
namespace {

using atrium::Time;
using storage::Value;

constexpr std::chrono::milliseconds write_deadline{10'000};

storage::Actor scheduler() { return {.kind = "system", .id = "scheduler", .address = {}, .request_id = {}}; }

std::optional<Time> time_of(const std::optional<std::string_view>& column) {
  if (!column) return std::nullopt;
  Time time;
  std::from_chars(column->data(), column->data() + column->size(), time.microseconds);
  return time;
}

}  // namespace

Time JobTable::put(const std::string& service, const std::string& schedule, Time next_at) {
  Time due;
  database_.transact(
      scheduler(),
      [&](storage::Transaction& tx) {
        const std::array<Value, 3> made{service, schedule, next_at.microseconds};
        tx.exec("kernel",
                "INSERT INTO scheduled_jobs (service, schedule, next_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                made);
        const std::array<Value, 4> changed{schedule, next_at.microseconds, service, schedule};
        tx.exec("kernel", "UPDATE scheduled_jobs SET schedule = ?, next_at = ? WHERE service = ? AND schedule <> ?",
                changed);
        const std::array<Value, 1> name{service};
        tx.exec("kernel", "SELECT next_at FROM scheduled_jobs WHERE service = ?", name, [&](storage::Row row) {
          due = time_of(row[0]).value_or(next_at);
          return true;
        });
        return ATRIUM_OK;
      },
      write_deadline);
  return due;
}

std::optional<Time> JobTable::due(const std::string& service) {
  std::optional<Time> found;
  const std::array<Value, 1> name{service};
  database_.read("kernel", "SELECT next_at FROM scheduled_jobs WHERE service = ?", name, [&](storage::Row row) {
    found = time_of(row[0]);
    return true;
  });
  return found;
}

bool JobTable::claim(const std::string& service, Time due, Time now, Time lease_until) {
  const std::array<Value, 7> values{node_, lease_until.microseconds, now.microseconds, service, due.microseconds,
                                    node_, now.microseconds};
  return change(
             "UPDATE scheduled_jobs SET leased_by = ?, lease_until = ?, started_at = ? WHERE service = ? AND next_at = "
             "? AND (leased_by IS NULL OR leased_by = ? OR lease_until < ?)",
             values) == 1;
}

void JobTable::renew(const std::string& service, Time lease_until) {
  const std::array<Value, 3> values{lease_until.microseconds, service, node_};
  change("UPDATE scheduled_jobs SET lease_until = ? WHERE service = ? AND leased_by = ?", values);
}

void JobTable::finish(const std::string& service, Time next_at, Time now, std::string failure,
                      std::function<void()> done) {
  submit(
      "UPDATE scheduled_jobs SET next_at = ?, ended_at = ?, failure = ?, leased_by = NULL, lease_until = NULL WHERE "
      "service = ? AND leased_by = ?",
      {next_at.microseconds, now.microseconds, std::move(failure), service, node_}, std::move(done));
}

void JobTable::release(const std::string& service, std::function<void()> done) {
  submit("UPDATE scheduled_jobs SET leased_by = NULL, lease_until = NULL WHERE service = ? AND leased_by = ?",
         {service, node_}, std::move(done));
}

std::vector<JobRow> JobTable::all() {
  std::vector<JobRow> rows;
  database_.read(
      "kernel",
      "SELECT service, schedule, failure, next_at, started_at, ended_at, leased_by FROM scheduled_jobs ORDER "
      "BY service",
      {}, [&](storage::Row row) {
        rows.push_back({std::string(*row[0]), std::string(*row[1]), std::string(row[2].value_or("")),
                        time_of(row[3]).value_or(Time{}), time_of(row[4]), time_of(row[5]), row[6].has_value()});
        return true;
      });
  return rows;
}

std::int64_t JobTable::change(std::string_view sql, storage::Values values) {
  std::int64_t changed = 0;
  database_.transact(
      scheduler(),
      [&](storage::Transaction& tx) {
        changed = tx.exec("kernel", sql, values);
        return ATRIUM_OK;
      },
      write_deadline);
  return changed;
}

void JobTable::submit(std::string sql, std::vector<std::variant<std::int64_t, std::string>> values,
                      std::function<void()> done) {
  database_.submit(
      scheduler(),
      [sql = std::move(sql), values = std::move(values)](storage::Transaction& tx) {
        std::vector<Value> borrowed;
        for (const auto& value : values) std::visit([&](const auto& v) { borrowed.emplace_back(v); }, value);
        tx.exec("kernel", sql, borrowed);
        return ATRIUM_OK;
      },
      write_deadline,
      [done = std::move(done)](std::int32_t status, const std::string& why) {
        if (status < 0)
          observability::log(observability::Level::warning, "scheduler",
                             "the end of a run is not recorded, so it will run again: " + why);
        done();
      });
}

}  // namespace kernel::schedules
