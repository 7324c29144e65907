#include "plugins/switches.hpp"

#include "storage/statements.hpp"

namespace kernel::plugins {

bool Switches::off(const std::string& id) const {
  const auto found = known_.find(id);
  return found != known_.end() && found->second.off;
}

void Switches::set(const storage::Actor& actor, const std::string& id, bool off) {
  Switch stored{off, 1};
  storage::in_transaction(database_, actor, [&](storage::Transaction& transaction) {
    storage::query(
        transaction,
        "INSERT INTO plugin_switches (id, is_off, revision) VALUES (?, ?, 1) "
        "ON CONFLICT (id) DO UPDATE SET is_off = excluded.is_off, revision = plugin_switches.revision + 1 "
        "RETURNING revision",
        [&](storage::Row row) {
          stored.revision = storage::integer_at(row, 0);
          return true;
        },
        id, off);
    transaction.record({off ? "plugin.disabled" : "plugin.enabled", "plugin", id, plugins_changed_topic, "{}",
                        std::string(storage::sql_owner)});
  });
  known_[id] = stored;
}

std::vector<std::string> Switches::reload() {
  std::map<std::string, Switch> stored;
  storage::query(database_, "SELECT id, is_off, revision FROM plugin_switches", [&](storage::Row row) {
    stored[storage::text_at(row, 0)] = {storage::truth_at(row, 1), storage::integer_at(row, 2)};
    return true;
  });
  std::vector<std::string> changed;
  for (const auto& [id, now] : stored) {
    if (known_[id] != now) changed.push_back(id);
  }
  known_ = std::move(stored);
  return changed;
}

}  // namespace kernel::plugins
