#include "packages/installer.hpp"

#include "observability/log.hpp"
#include "packages/version.hpp"
#include "storage/statements.hpp"

#include <atrium/problem.hpp>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

namespace kernel::packages {
namespace {

using namespace std::chrono_literals;
using observability::Level;
using observability::log;
using Clock = std::chrono::steady_clock;

constexpr auto first_pause = 10s, longest_pause = 600s;

/// An audit row before a stranger's code runs: what cannot be told is not done. To install is to switch on.
void announce(storage::Database& database, const storage::Actor& actor, const std::string& action,
              const std::string& id) {
  storage::in_transaction(database, actor, [&](storage::Transaction& transaction) {
    if (action == "plugin.installing")
      storage::exec(transaction,
                    "UPDATE plugin_switches SET is_off = FALSE, revision = revision + 1 WHERE id = ? AND is_off", id);
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
  } catch (const PackageError&) {
    throw;
  } catch (const StorageError&) {
    throw;
  } catch (const atrium::Problem&) {
    throw;
  } catch (const std::runtime_error& fault) {
    throw atrium::conflict("The plugin does not start: " + std::string(fault.what()));
  }
}

Package fetched(const SharedPackages& shared, const Trust& trust, const std::string& id,
                const SharedPackages::Entry& entry) {
  auto package = Package::parse(shared.read(entry), trust);
  if (package.sha256() != entry.sha256 || package.manifest().id != id)
    throw PackageError("what the object store has of it is another package");
  return package;
}

}  // namespace

Held catch_up(const PackageFolder& folder, const SharedPackages& shared) {
  folder.clear_unpacked();
  Held held;
  std::string store_fault;  // the first one is everybody's: a store that is out of reach is asked once
  std::set<std::string> installed;
  for (const auto& [id, entry] : shared.list()) {
    installed.insert(id + "-" + entry.sha256);
    auto& plugin = held.plugins.emplace_back(plugins::Addition{id, {}, {}});
    try {
      auto package = folder.find(id, entry.sha256);
      if (!package) {
        if (!store_fault.empty()) throw StorageError(store_fault);
        package = fetched(shared, folder.trust(), id, entry);
        folder.put(*package);
      }
      plugin.source = folder.unpack(*package);
      held.sha256[id] = entry.sha256;
    } catch (const StorageError& fault) {
      plugin.fault = store_fault = fault.what();
    } catch (const std::exception& fault) {
      plugin.fault = fault.what();
    }
  }
  for (const auto& name : folder.others(installed))
    log(Level::warning, "plugins", name + " is not installed in this database: install it, or remove the file");
  return held;
}

plugins::Status Installer::run(const Package& package, const std::function<void()>& keep) {
  const std::string& id = package.manifest().id;
  const auto source = parts_.folder.unpack(package);
  return parts_.manager.manifest(id) ? parts_.manager.upgrade(id, source, keep) : parts_.manager.add(id, source, keep);
}

plugins::Status Installer::install(const Package& package, const storage::Actor& actor) {
  const std::lock_guard turn(turn_);
  const std::string& id = package.manifest().id;
  if (parts_.manager.manifest(id)) throw atrium::conflict("There is a plugin " + id + " already; upgrade it.");
  announce(parts_.database, actor, "plugin.installing", id);
  parts_.manager.follow_switches();
  return or_conflict([&] { return run(package, [&] { keep(package, actor, "plugin.installed"); }); });
}

plugins::Status Installer::upgrade(const Package& package, const storage::Actor& actor, bool downgrade) {
  const std::lock_guard turn(turn_);
  const auto& [id, version] = std::pair(package.manifest().id, package.manifest().version);
  if (!parts_.manager.find(id)) throw atrium::not_found();
  if (const auto now = parts_.manager.manifest(id)) {
    const int order = compare_versions(version, now->version);
    if (order == 0) throw atrium::conflict(id + " " + version + " is what runs already.");
    if (order < 0 && !downgrade)
      throw atrium::conflict(version + " is older than the " + now->version +
                             " that runs; ask for it with downgrade=true.");
  }
  announce(parts_.database, actor, "plugin.upgrading", id);
  return or_conflict([&] { return run(package, [&] { keep(package, actor, "plugin.upgraded"); }); });
}

void Installer::keep(const Package& package, const storage::Actor& actor, const std::string& action) {
  const std::string& id = package.manifest().id;
  const auto before = parts_.shared.find(id);
  parts_.folder.put(package);
  parts_.shared.set(actor, action, id, parts_.shared.put(package));
  held_[id] = package.sha256();
  trouble_.erase(id);
  if (!before) return;
  parts_.shared.drop(*before);
  if (before->sha256 != package.sha256()) parts_.folder.remove(id, before->sha256);
}

void Installer::remove(const std::string& id, const storage::Actor& actor) {
  const std::lock_guard turn(turn_);
  if (!parts_.manager.find(id)) throw atrium::not_found();
  const auto entry = parts_.shared.find(id);
  if (!entry) throw atrium::conflict("It comes with the release: disable it instead.");
  parts_.shared.set(actor, "plugin.removed", id, std::nullopt);
  forget(id);
  parts_.shared.drop(*entry);
}

void Installer::forget(const std::string& id) {
  // Where its package never came to run, the release's own version does, and goes on.
  const bool ours = held_.contains(id) || !parts_.manager.manifest(id);
  if (ours && parts_.manager.find(id)) parts_.manager.remove(id);
  if (const auto held = held_.find(id); held != held_.end()) {
    parts_.folder.remove(id, held->second);
    held_.erase(held);
  }
  trouble_.erase(id);
}

void Installer::follow() {
  do_what_others_did();
  if (!std::exchange(swept_, true)) parts_.shared.sweep();  // it may take long in a large store: nobody waits for it
}

void Installer::do_what_others_did() {
  const std::lock_guard turn(turn_);
  parts_.manager.follow_switches();
  const auto installed = parts_.shared.list();
  std::set<std::string> gone;
  for (const auto& [id, sha256] : held_) gone.insert(id);
  for (const auto& [id, trouble] : trouble_) gone.insert(id);
  for (const auto& [id, entry] : installed) gone.erase(id);
  for (const auto& id : gone) forget(id);
  for (const auto& [id, entry] : installed) {
    if (const auto held = held_.find(id); held != held_.end() && held->second == entry.sha256) continue;
    const auto trouble = trouble_.find(id);
    if (trouble != trouble_.end() && trouble->second.sha256 == entry.sha256 && Clock::now() < trouble->second.again)
      continue;
    bring(id, entry);
  }
}

void Installer::bring(const std::string& id, const SharedPackages::Entry& entry) {
  try {
    const auto package = fetched(parts_.shared, parts_.folder.trust(), id, entry);
    run(package, [&] { parts_.folder.put(package); });
    if (const auto before = held_.find(id); before != held_.end()) parts_.folder.remove(id, before->second);
    held_[id] = entry.sha256;
    trouble_.erase(id);
  } catch (const PackageError& fault) {
    note(id, entry.sha256, fault.what(), true);
  } catch (const plugins::ManifestError& fault) {
    note(id, entry.sha256, fault.what(), true);
  } catch (const std::exception& fault) {
    note(id, entry.sha256, fault.what(), false);
  }
}

void Installer::note(const std::string& id, const std::string& sha256, const std::string& reason, bool for_good) {
  auto& trouble = trouble_[id];
  const bool known = trouble.sha256 == sha256 && trouble.reason == reason;
  trouble.pause = known ? std::min<std::chrono::seconds>(trouble.pause * 2, longest_pause) : first_pause;
  trouble.again = for_good ? Clock::time_point::max() : Clock::now() + trouble.pause;
  trouble.sha256 = sha256;
  trouble.reason = reason;
  if (!known) log(Level::warning, "plugins", id + ": installed on another node: " + reason);
  if (!parts_.manager.manifest(id)) parts_.manager.show_failed(id, reason);
}

}  // namespace kernel::packages
