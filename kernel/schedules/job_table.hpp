#pragma once
// The rows of scheduled_jobs: when each is due, who runs it, and how the last run went. Nodes agree by compare-and-set.
#include "storage/database.hpp"

#include <atrium/types.hpp>

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace kernel::schedules {

struct JobRow {
  std::string service, schedule, failure;  ///< failure: of the last run; empty where it went well
  atrium::Time next_at;
  std::optional<atrium::Time> started_at, ended_at;
  bool is_leased = false;
};

/// What waits for the database throws storage::SqlError.
class JobTable {
 public:
  /// node: this process in a lease; on SQLite always the same name, so that a restart takes over at once.
  JobTable(storage::Database& database, std::string node) : database_(database), node_(std::move(node)) {}

  /// Makes the row, due at `next_at`; so does a schedule that has changed. Else leaves it alone. When it is due now.
  atrium::Time put(const std::string& service, const std::string& schedule, atrium::Time next_at);
  /// When it is due; none: it has no row.
  std::optional<atrium::Time> due(const std::string& service);
  /// True: the run that is due at `due` is this node's until `lease_until`, to begin or to go on with.
  bool claim(const std::string& service, atrium::Time due, atrium::Time now, atrium::Time lease_until);
  void renew(const std::string& service, atrium::Time lease_until);
  /// The run has ended. Never waits; `done` is called once, in any case.
  void finish(const std::string& service, atrium::Time next_at, atrium::Time now, std::string failure,
              std::function<void()> done);
  /// The run was broken off: it is due as before.
  void release(const std::string& service, std::function<void()> done);
  std::vector<JobRow> all();

 private:
  std::int64_t change(std::string_view sql, storage::Values values);
  void submit(std::string sql, std::vector<std::variant<std::int64_t, std::string>> values, std::function<void()> done);

  storage::Database& database_;
  const std::string node_;
};

}  // namespace kernel::schedules
