#include "packages/installer.hpp"

#include "observability/log.hpp"
#include "packages/version.hpp"
#include "storage/statements.hpp"

#include <atrium/problem.hpp>

#include <optional>
#include <utility>

namespace kernel::packages {
namespace {

/// An audit row before a stranger's code runs: what cannot be told is not done.
void announce(storage::Database& database, const storage::Actor& actor, const std::string& action,
              const std::string& id) {
  storage::in_transaction(database, actor, [&](storage::Transaction& transaction) {
    transaction.record({action, "plugin", id, "", "", ""});
  });
}

/// What the manager says of a plugin that does not come to run.
template <class Act>
auto or_conflict(Act act) {
  try {
    return act();
  } catch (const plugins::ManifestError&) {
    throw;
  } catch (const StorageError&) {
    throw;
  } catch (const atrium::Problem&) {
    throw;
  } catch (const std::runtime_error& fault) {
    throw atrium::conflict("The plugin does not start: " + std::string(fault.what()));
  }
}

Package fetched(const SharedPackages& shared, const Trust& trust, const std::string& id, const std::string& sha256) {
  auto package = Package::parse(shared.read(sha256), trust);
  if (package.sha256() != sha256 || package.manifest().id != id)
    throw PackageError("what the object store has of it is another package");
  return package;
}

void warn(const std::string& id, const std::exception& fault) {
  observability::log(observability::Level::warning, "plugins", id + ": installed on another node: " + fault.what());
}

}  // namespace

void catch_up(Installed& installed, const SharedPackages& shared) {
  const auto wanted = shared.list();
  for (const auto& [id, sha256] : wanted) {
    if (installed.sha256(id) == sha256) continue;
    try {
      installed.use(fetched(shared, installed.trust(), id, sha256));
    } catch (const std::exception& fault) {
      warn(id, fault);
    }
  }
  for (const auto& id : installed.ids()) {
    if (!wanted.contains(id)) installed.remove(id);
  }
}

plugins::Status Installer::install(const Package& package, const storage::Actor& actor) {
  const std::lock_guard turn(turn_);
  const std::string& id = package.manifest().id;
  if (parts_.manager.find(id)) throw atrium::conflict("There is a plugin " + id + " already; upgrade it.");
  const auto source = parts_.installed.unpack(package);
  announce(parts_.database, actor, "plugin.installing", id);
  auto status = or_conflict([&] { return parts_.manager.add(id, source); });
  try {
    keep(package, actor, "plugin.installed");
  } catch (...) {
    parts_.manager.remove(id);
    throw;
  }
  return status;
}

plugins::Status Installer::upgrade(const Package& package, const storage::Actor& actor, bool downgrade) {
  const std::lock_guard turn(turn_);
  const auto& [id, version] = std::pair(package.manifest().id, package.manifest().version);
  const auto found = parts_.manager.find(id);
  if (!found) throw atrium::not_found();
  const int order = compare_versions(version, found->version);
  if (order == 0) throw atrium::conflict(id + " " + version + " is what runs already.");
  if (order < 0 && !downgrade)
    throw atrium::conflict(version + " is older than the " + found->version +
                           " that runs; ask for it with downgrade=true.");
  const auto source = parts_.installed.unpack(package);
  announce(parts_.database, actor, "plugin.upgrading", id);
  return or_conflict(
      [&] { return parts_.manager.upgrade(id, source, [&] { keep(package, actor, "plugin.upgraded"); }); });
}

void Installer::keep(const Package& package, const storage::Actor& actor, const std::string& action) {
  const std::string& id = package.manifest().id;
  const auto before = parts_.shared.find(id);
  parts_.shared.put(package);
  parts_.shared.set(actor, action, id, package.sha256());
  try {
    parts_.installed.use(package);
  } catch (...) {
    parts_.shared.set(actor, "plugin.taken_back", id, before);
    parts_.shared.drop(package.sha256());
    throw;
  }
  if (before) parts_.shared.drop(*before);
}

void Installer::remove(const std::string& id, const storage::Actor& actor) {
  const std::lock_guard turn(turn_);
  if (!parts_.manager.find(id)) throw atrium::not_found();
  const auto sha256 = parts_.installed.sha256(id);
  if (!sha256) throw atrium::conflict("It comes with the release: disable it instead.");
  parts_.shared.set(actor, "plugin.removed", id, std::nullopt);
  try {
    parts_.installed.remove(id);
  } catch (...) {
    parts_.shared.set(actor, "plugin.taken_back", id, sha256);
    throw;
  }
  parts_.shared.drop(*sha256);
  parts_.manager.remove(id);
}

void Installer::follow() {
  const std::lock_guard turn(turn_);
  const auto wanted = parts_.shared.list();
  for (const auto& [id, sha256] : wanted) {
    if (parts_.installed.sha256(id) == sha256 || unfit_[id] == sha256) continue;
    try {
      bring(id, sha256);
    } catch (const StorageError& fault) {  // the next time may succeed
      warn(id, fault);
    } catch (const std::exception& fault) {
      unfit_[id] = sha256;
      warn(id, fault);
    }
  }
  for (const auto& id : parts_.installed.ids()) {
    if (wanted.contains(id)) continue;
    parts_.installed.remove(id);
    if (parts_.manager.find(id)) parts_.manager.remove(id);
  }
  parts_.manager.follow_switches();
}

void Installer::bring(const std::string& id, const std::string& sha256) {
  const auto package = fetched(parts_.shared, parts_.installed.trust(), id, sha256);
  const auto source = parts_.installed.unpack(package);
  const auto use = [&] { parts_.installed.use(package); };
  if (parts_.manager.find(id)) {
    parts_.manager.upgrade(id, source, use);
    return;
  }
  parts_.manager.add(id, source);
  try {
    use();
  } catch (...) {
    parts_.manager.remove(id);
    throw;
  }
}

}  // namespace kernel::packages
