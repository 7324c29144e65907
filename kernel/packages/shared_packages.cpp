#include "packages/shared_packages.hpp"

#include "auth/encoding.hpp"
#include "observability/log.hpp"
#include "packages/package_folder.hpp"
#include "plugins/switches.hpp"
#include "storage/statements.hpp"

#include <chrono>
#include <set>
#include <vector>

namespace kernel::packages {
namespace {

constexpr std::size_t piece_bytes = 1u << 20, random_name_bytes = 8;
constexpr std::string_view object_prefix =
    "kernel_plugin-";  // a plugin's objects begin with its id; none is the kernel
constexpr std::chrono::hours young{24};

/// Reads the database; what it says becomes a problem.
void read_rows(storage::Database& database, std::string_view sql, const storage::RowFn& row) {
  try {
    storage::query(database, sql, row);
  } catch (const storage::SqlError& fault) {
    throw atrium::problem_for(fault.code(), fault.what());
  }
}

}  // namespace

std::map<std::string, SharedPackages::Entry> SharedPackages::list() const {
  std::map<std::string, Entry> all;
  read_rows(database_, "SELECT id, sha256, object FROM plugin_packages", [&](storage::Row row) {
    all[storage::text_at(row, 0)] = {storage::text_at(row, 1), storage::text_at(row, 2)};
    return true;
  });
  return all;
}

std::optional<SharedPackages::Entry> SharedPackages::find(const std::string& id) const {
  const auto all = list();
  const auto found = all.find(id);
  return found == all.end() ? std::nullopt : std::optional(found->second);
}

std::string SharedPackages::read(const Entry& entry) const {
  std::string content;
  try {
    const auto reader = objects_.get(entry.object);
    if (reader->object_size() > max_package_bytes) throw StorageError("its package in the object store is too large");
    std::vector<char> piece(piece_bytes);
    while (const auto bytes = reader->read(piece)) content.append(piece.data(), bytes);
  } catch (const storage::SqlError& fault) {
    if (fault.code() == ATRIUM_E_NOT_FOUND)
      throw StorageError("its package is not in the object store; every node needs the same one (objects.url)");
    throw StorageError(std::string("its package cannot be read: ") + fault.what());
  }
  return content;
}

SharedPackages::Entry SharedPackages::put(const Package& package) {
  const Entry entry{package.sha256(), std::string(object_prefix) + package.sha256() + "-" +
                                          auth::base64url(auth::random_bytes(random_name_bytes))};
  try {
    const auto writer = objects_.put(entry.object);
    writer->append(package.bytes());
    writer->finish();
  } catch (const storage::SqlError& fault) {
    throw StorageError(std::string("the package cannot be stored: ") + fault.what());
  }
  return entry;
}

void SharedPackages::set(const storage::Actor& actor, const std::string& action, const std::string& id,
                         const std::optional<Entry>& entry) {
  storage::in_transaction(database_, actor, [&](storage::Transaction& transaction) {
    if (entry) {
      storage::exec(transaction,
                    "INSERT INTO plugin_packages (id, sha256, object) VALUES (?, ?, ?) "
                    "ON CONFLICT (id) DO UPDATE SET sha256 = excluded.sha256, object = excluded.object",
                    id, entry->sha256, entry->object);
    } else {
      storage::exec(transaction, "DELETE FROM plugin_packages WHERE id = ?", id);
    }
    transaction.record({action, "plugin", id, plugins::plugins_changed_topic, "{}", std::string(storage::sql_owner)});
  });
}

void SharedPackages::drop(const Entry& entry) {
  try {
    objects_.remove(entry.object);
  } catch (const std::exception& fault) {
    observability::log(observability::Level::warning, "plugins",
                       entry.object + " stays in the object store for now: " + fault.what());
  }
}

void SharedPackages::sweep() {
  std::vector<std::string> old;
  objects_.list([&](const std::string& object, std::uint64_t, std::chrono::seconds age) {
    if (object.starts_with(object_prefix) && age > young) old.push_back(object);
    return true;
  });
  std::set<std::string> named;
  for (const auto& [id, entry] : list()) named.insert(entry.object);
  for (const auto& object : old) {
    if (!named.contains(object)) drop({{}, object});
  }
}

}  // namespace kernel::packages
