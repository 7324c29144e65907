#include "packages/shared_packages.hpp"

#include "observability/log.hpp"
#include "packages/installed.hpp"
#include "plugins/switches.hpp"
#include "storage/statements.hpp"

#include <algorithm>
#include <vector>

namespace kernel::packages {
namespace {

constexpr std::size_t piece_bytes = 1u << 20;

/// A plugin's objects begin with its id; none has the kernel's.
std::string object_of(const std::string& sha256) { return std::string(storage::sql_owner) + "_plugin-" + sha256; }

}  // namespace

std::map<std::string, std::string> SharedPackages::list() const {
  std::map<std::string, std::string> all;
  storage::query(database_, "SELECT id, sha256 FROM plugin_packages", [&](storage::Row row) {
    all[storage::text_at(row, 0)] = storage::text_at(row, 1);
    return true;
  });
  return all;
}

std::optional<std::string> SharedPackages::find(const std::string& id) const {
  const auto all = list();
  const auto found = all.find(id);
  return found == all.end() ? std::nullopt : std::optional(found->second);
}

std::string SharedPackages::read(const std::string& sha256) const {
  std::string content;
  try {
    const auto reader = objects_.get(object_of(sha256));
    if (reader->object_size() > max_package_bytes) throw StorageError("a package in the object store is too large");
    std::vector<char> piece(piece_bytes);
    while (const auto bytes = reader->read(piece)) content.append(piece.data(), bytes);
  } catch (const storage::SqlError& fault) {
    if (fault.code() == ATRIUM_E_NOT_FOUND)
      throw StorageError("its package is not in the object store; every node needs the same store (objects.url)");
    throw StorageError(std::string("its package cannot be read: ") + fault.what());
  }
  return content;
}

void SharedPackages::put(const Package& package) {
  try {
    const auto writer = objects_.put(object_of(package.sha256()));
    writer->append(package.bytes());
    writer->finish();
  } catch (const storage::SqlError& fault) {
    if (fault.code() == ATRIUM_E_CONFLICT) return;  // the same bytes are there
    throw StorageError(std::string("the package cannot be stored: ") + fault.what());
  }
}

void SharedPackages::set(const storage::Actor& actor, const std::string& action, const std::string& id,
                         const std::optional<std::string>& sha256) {
  storage::in_transaction(database_, actor, [&](storage::Transaction& transaction) {
    if (sha256) {
      storage::exec(transaction,
                    "INSERT INTO plugin_packages (id, sha256) VALUES (?, ?) "
                    "ON CONFLICT (id) DO UPDATE SET sha256 = excluded.sha256",
                    id, *sha256);
    } else {
      storage::exec(transaction, "DELETE FROM plugin_packages WHERE id = ?", id);
      storage::exec(transaction, "DELETE FROM plugin_switches WHERE id = ?", id);
    }
    transaction.record({action, "plugin", id, plugins::plugins_changed_topic, "{}", std::string(storage::sql_owner)});
  });
}

void SharedPackages::drop(const std::string& sha256) {
  try {
    const auto all = list();
    const bool named = std::any_of(all.begin(), all.end(), [&](const auto& one) { return one.second == sha256; });
    if (!named) objects_.remove(object_of(sha256));
  } catch (const std::exception& fault) {
    observability::log(observability::Level::warning, "plugins",
                       "the package " + sha256 + " stays in the object store: " + fault.what());
  }
}

}  // namespace kernel::packages
