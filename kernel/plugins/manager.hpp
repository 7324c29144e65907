#pragma once
// The plugins of this installation: found, started in order, watched, stopped.
#include "abi/host.hpp"
#include "plugins/loader.hpp"
#include "plugins/manifest.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kernel::plugins {

enum class State : std::uint8_t { running, disabled, failed, quarantined, waiting };
std::string_view to_string(State state);

/// What /plugins and the command line show.
struct Status {
  std::string id, version, name, description;
  State state = State::waiting;
  std::string reason;  ///< why it does not run; empty when it does
};

struct Health {
  std::string id;
  bool ok = true;
  std::string detail;
};

/// A plugin that does not come with the release.
struct Addition {
  std::string id;
  Source source;
  std::string fault;  ///< why it must not run; empty: it may
};

struct ManagerOptions {
  std::filesystem::path directory;                          ///< holds a folder for each plugin of the release
  std::vector<Addition> additions;                          ///< run in place of one of the same id
  std::filesystem::path data;                               ///< crash records
  std::vector<std::string> enabled;                         ///< ids; empty or "*": every installed one
  nlohmann::json configuration = nlohmann::json::object();  ///< plugin id -> its table
  std::chrono::milliseconds patience{10'000};               ///< for each step of stopping one plugin
};

/// Thread-safe. What changes a plugin's life takes turns and may take seconds.
class Manager {
 public:
  Manager(abi::Parts parts, routing::Table& routes, ManagerOptions options);
  ~Manager();
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;

  /// Never throws for a plugin's sake: what cannot start says so in its status and the log, the others start.
  void start_all();
  /// In reverse order of their start.
  void stop_all();

  std::vector<Status> list() const;
  std::optional<Status> find(const std::string& id) const;
  /// What the version says of itself that runs, or would; nothing where its plugin.json is at fault.
  std::optional<Manifest> manifest(const std::string& id) const;
  std::vector<Health> health() const;
  /// Of one; not ok, with the reason, where it does not run. Throws std::out_of_range: not installed.
  Health health(const std::string& id) const;

  /// Starts it now and at every later start, on every node; lets it out of quarantine. Throws std::out_of_range: not
  /// installed; atrium::Problem, and nothing was done: it cannot be stored.
  Status enable(const std::string& id, const storage::Actor& actor);
  /// Stops it now, and it stays off, on every node. Requests in flight are answered first. Throws like enable().
  Status disable(const std::string& id, const storage::Actor& actor);
  /// Does what was switched on other nodes.
  void follow_switches();
  /// Starts a plugin that was not there or could not be read, unless it is switched off, and keeps it until remove().
  /// `keep` makes it last, when it runs. Throws std::runtime_error with the reason where it does not come to run, or
  /// what `keep` throws; nothing is left of it then. std::invalid_argument: there is one of this id.
  Status add(const std::string& id, const Source& source, const std::function<void()>& keep);
  /// Runs another version of it in its place, without a gap: the new one is started beside the old one, takes its
  /// routes and services over, and the old one ends when it has answered what it was asked. Throws like add(); the old
  /// one goes on then.
  Status upgrade(const std::string& id, const Source& source, const std::function<void()>& keep);
  /// Stops it, and forgets it. Its tables stay. Throws std::out_of_range: not installed.
  void remove(const std::string& id);
  /// Of a plugin that cannot be had: failed, with the reason, until it is added or removed.
  void show_failed(const std::string& id, const std::string& reason);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kernel::plugins
