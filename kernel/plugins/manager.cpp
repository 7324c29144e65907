#include "plugins/manager.hpp"

#include "observability/log.hpp"
#include "plugins/breadcrumb.hpp"
#include "plugins/instance.hpp"
#include "plugins/start_order.hpp"
#include "plugins/switches.hpp"

#include <atrium/grants.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <functional>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <stdexcept>

namespace kernel::plugins {

using observability::Level;
using observability::log;

std::string_view to_string(State state) {
  constexpr std::string_view names[] = {"running", "disabled", "failed", "quarantined", "waiting"};
  return names[static_cast<std::size_t>(state)];
}

class Manager::Impl {
 public:
  Impl(abi::Parts parts, routing::Table& routes, ManagerOptions options)
      : parts_(parts),
        routes_(routes),
        options_(std::move(options)),
        quarantine_(options_.data),
        switches_(parts.database) {
    std::filesystem::create_directories(options_.data);
    breadcrumb::install(options_.data);
  }

  void start_all() {
    const std::lock_guard turn(turn_);
    discover();
    switches_.reload();
    crashed_ = quarantine_.list();
    for (const auto& id : order_.ids) start(id);
  }

  void stop_all() {
    const std::lock_guard turn(turn_);
    const auto started = started_;
    for (auto id = started.rbegin(); id != started.rend(); ++id) stop(*id, State::waiting, "the kernel is stopping");
  }

  Status enable(const std::string& id, const storage::Actor& actor) {
    const std::lock_guard turn(turn_);
    status(id);
    switches_.set(actor, id, false);
    return switched_on(id);
  }

  Status disable(const std::string& id, const storage::Actor& actor) {
    const std::lock_guard turn(turn_);
    status(id);
    switches_.set(actor, id, true);
    return switched_off(id);
  }

  void follow_switches() {
    const std::lock_guard turn(turn_);
    for (const auto& id : switches_.reload()) {
      {
        const std::shared_lock lock(mutex_);
        if (!plugins_.contains(id)) continue;
      }
      switches_.off(id) ? switched_off(id) : switched_on(id);
    }
  }

  Status add(const std::string& id, const Source& source, const std::function<void()>& keep) {
    const std::lock_guard turn(turn_);
    {
      const std::unique_lock lock(mutex_);
      if (plugins_.contains(id)) throw std::invalid_argument("there is a plugin " + id + " already");
      adopt(source, id);
      erase_broken(id);
      arrange();
    }
    if (crashed_.erase(id) != 0) quarantine_.clear(id);
    if (wanted(id)) start(id);
    const auto after = status(id);
    try {
      if (after.state != State::running && !(wanted(id) && switches_.off(id))) throw std::runtime_error(after.reason);
      keep();
    } catch (...) {
      if (after.state == State::running) stop(id, State::failed, "not kept");
      forget(id);
      throw;
    }
    return after;
  }

  Status upgrade(const std::string& id, const Source& source, const std::function<void()>& keep) {
    const std::lock_guard turn(turn_);
    const Plugin old = plugin_of(id);
    try {
      const std::unique_lock lock(mutex_);
      adopt(source, id);
      arrange();
    } catch (...) {
      declare_settings(old.manifest);
      throw;
    }
    if (crashed_.erase(id) != 0) quarantine_.clear(id);
    if (old.instance) old.instance->stand_back();
    if (old.instance || wanted(id)) start(id);
    const auto fresh = plugin_of(id);
    try {
      if (old.instance && !fresh.instance) throw std::runtime_error(fresh.status.reason);
      keep();
    } catch (...) {
      put_back(id, old, fresh.instance);
      throw;
    }
    if (old.instance) finish(*old.instance, id);
    return fresh.status;
  }

  void remove(const std::string& id) {
    const std::lock_guard turn(turn_);
    {
      const std::unique_lock lock(mutex_);
      if (erase_broken(id) && !plugins_.contains(id)) return;
    }
    if (status(id).state == State::running) stop(id, State::disabled, "removed");
    forget(id);
  }

  void show_failed(const std::string& id, const std::string& reason) {
    const std::unique_lock lock(mutex_);
    erase_broken(id);
    broken_.push_back({id, {}, {}, {}, State::failed, reason});
  }

  std::vector<Status> list() const {
    const std::shared_lock lock(mutex_);
    std::vector<Status> all = broken_;
    for (const auto& [id, plugin] : plugins_) all.push_back(plugin.status);
    std::sort(all.begin(), all.end(), [](const Status& a, const Status& b) { return a.id < b.id; });
    return all;
  }

  std::optional<Manifest> manifest(const std::string& id) const {
    const std::shared_lock lock(mutex_);
    const auto found = plugins_.find(id);
    return found == plugins_.end() ? std::nullopt : std::optional(found->second.manifest);
  }

  std::vector<Health> health() const {
    std::vector<std::pair<std::string, std::shared_ptr<Instance>>> running;
    {
      const std::shared_lock lock(mutex_);
      for (const auto& [id, plugin] : plugins_) {
        if (plugin.instance) running.emplace_back(id, plugin.instance);
      }
    }
    std::vector<Health> all;
    for (const auto& [id, instance] : running) all.push_back(health_of(id, *instance));
    return all;
  }

  Health health(const std::string& id) const {
    std::shared_ptr<Instance> instance;
    {
      const std::shared_lock lock(mutex_);
      const auto& plugin = plugins_.at(id);
      instance = plugin.instance;
      if (!instance) return {id, false, plugin.status.reason};
    }
    return health_of(id, *instance);
  }

 private:
  struct Plugin {
    Manifest manifest;
    Source source;
    Status status;
    std::shared_ptr<Instance> instance;
  };

  static Health health_of(const std::string& id, Instance& instance) {
    auto fault = instance.health();
    return {id, fault.empty(), std::move(fault)};
  }

  bool wanted(const std::string& id) const {
    const auto& enabled = options_.enabled;
    const auto named = [&](const auto& name) { return name == id || name == "*"; };
    return enabled.empty() || std::any_of(enabled.begin(), enabled.end(), named);
  }

  void discover() {
    std::vector<std::filesystem::path> folders;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(options_.directory, error)) {
      if (std::filesystem::exists(entry.path() / "plugin.json")) folders.push_back(entry.path());
    }
    if (error) log(Level::warning, "plugins", options_.directory.string() + " cannot be read: " + error.message());
    std::sort(folders.begin(), folders.end());
    const std::unique_lock lock(mutex_);
    for (const auto& addition : options_.additions) discover(addition.id, addition.source, addition.fault);
    for (const auto& folder : folders) {
      if (!plugins_.contains(folder.filename())) discover(folder.filename(), {folder, {}}, {});
    }
    arrange();
  }

  /// With the lock held.
  void arrange() {
    std::vector<Manifest> manifests;
    for (const auto& [id, plugin] : plugins_) {
      if (wanted(id)) manifests.push_back(plugin.manifest);
    }
    order_ = start_order(manifests);
  }

  /// What cannot be used is listed with the reason.
  void discover(const std::string& id, const Source& source, std::string fault) {
    if (fault.empty()) try {
        return adopt(source, id);
      } catch (const std::exception& thrown) {
        fault = thrown.what();
      }
    broken_.push_back({id, {}, {}, {}, State::failed, fault});
    log(Level::error, "plugins", fault);
  }

  /// With the lock held. Throws ManifestError.
  void adopt(const Source& source, const std::string& id) {
    auto manifest = Manifest::read(source.folder);
    if (manifest.id != id) throw ManifestError(source.folder.string() + ": plugin.json says id " + manifest.id);
    for (const auto& table : manifest.tables) {
      const auto owner = table_owners_.find(table);
      if (owner != table_owners_.end() && owner->second != id)
        throw ManifestError(id + ": its table " + table + " belongs to the plugin " + owner->second);
    }
    declare_settings(manifest);
    for (const auto& table : manifest.tables) table_owners_.insert_or_assign(table, id);
    Plugin plugin;
    plugin.status = {id, manifest.version, manifest.name, manifest.description, State::waiting, "not started"};
    if (!wanted(id)) plugin.status.state = State::disabled, plugin.status.reason = "not in plugins.enabled";
    plugin.source = source;
    plugin.manifest = std::move(manifest);
    plugins_.insert_or_assign(id, std::move(plugin));
  }

  /// With the lock held.
  bool erase_broken(const std::string& id) {
    return std::erase_if(broken_, [&](const Status& one) { return one.id == id; }) != 0;
  }

  void forget(const std::string& id) {
    const std::unique_lock lock(mutex_);
    parts_.settings.declare(id, {});
    std::erase_if(table_owners_, [&](const auto& owned) { return owned.second == id; });
    plugins_.erase(id);
    arrange();
  }

  /// Also of a plugin that does not run: an admin may set it up first.
  void declare_settings(const Manifest& manifest) {
    try {
      std::vector<settings::Definition> definitions;
      for (const auto& declaration : manifest.settings)
        definitions.push_back(settings::Definition::parse(manifest.id, declaration));
      parts_.settings.declare(manifest.id, std::move(definitions));
    } catch (const settings::DefinitionError& fault) {
      throw ManifestError(manifest.id + ": " + fault.what());
    }
  }

  /// Empty: every required service is there.
  std::string missing_service(const Manifest& manifest) const {
    if (const auto blocked = order_.blocked.find(manifest.id); blocked != order_.blocked.end()) {
      const bool circle = blocked->second.find("in a circle") != std::string::npos;
      if (circle) return blocked->second;
    }
    for (const auto& service : manifest.requires_) {
      const auto wanted = service.ends_with("/*") ? service.substr(0, service.size() - 2) : service;
      if (!parts_.services.find(wanted).empty()) continue;
      for (const auto& [id, plugin] : plugins_) {
        const auto& provides = plugin.manifest.provides;
        const auto fits = [&](const auto& name) {
          return atrium::grants::service(service, name) || atrium::grants::service(name, service);
        };
        if (!std::any_of(provides.begin(), provides.end(), fits)) continue;
        return "needs service " + service + ", whose plugin " + id + " is " +
               std::string(to_string(plugin.status.state));
      }
      return "needs service " + service + ", which no installed plugin provides";
    }
    return {};
  }

  Status switched_on(const std::string& id) {
    if (crashed_.erase(id) != 0) quarantine_.clear(id);
    if (const auto before = status(id); before.state == State::running) return before;
    start(id);
    for (const auto& other : order_.ids) {  // who waited for its services can start now
      if (status(other).state == State::waiting) start(other);
    }
    return status(id);
  }

  Status switched_off(const std::string& id) {
    if (status(id).state == State::running) {
      stop(id, State::disabled, "switched off");
    } else {
      set_state(id, State::disabled, "switched off");
    }
    return status(id);
  }

  void start(const std::string& id) {
    Plugin& plugin = plugins_.at(id);
    if (switches_.off(id)) return set_state(id, State::disabled, "switched off");
    if (const auto crash = crashed_.find(id); crash != crashed_.end()) {
      return set_state(id, State::quarantined, crash->second + "; enable it to try again");
    }
    if (const auto missing = missing_service(plugin.manifest); !missing.empty()) {
      return set_state(id, State::waiting, missing);
    }
    try {
      auto table = options_.configuration.value(id, nlohmann::json::object());
      auto instance =
          Instance::start(parts_, routes_, plugin.manifest, plugin.source, std::move(table), options_.patience);
      std::erase(started_, id);
      started_.push_back(id);
      const std::unique_lock lock(mutex_);
      plugin.instance = std::move(instance);
    } catch (const std::exception& fault) {
      return set_state(id, State::failed, fault.what());
    }
    set_state(id, State::running, {});
  }

  Plugin plugin_of(const std::string& id) const {
    const std::shared_lock lock(mutex_);
    const auto found = plugins_.find(id);
    if (found == plugins_.end()) throw std::out_of_range("no plugin " + id + " is installed");
    return found->second;
  }

  /// The end of an instance that another one has taken over from.
  void finish(Instance& instance, const std::string& id) {
    instance.superseded();
    end(instance, id);
  }

  void end(Instance& instance, const std::string& id) {
    const auto kept = instance.stop(options_.patience);
    if (!kept.empty()) log(Level::warning, "plugins", id + ": of another version, " + kept);
  }

  /// After an upgrade that failed. The old instance has ended its own work, so a new one of the same version follows
  /// it.
  void put_back(const std::string& id, const Plugin& old, const std::shared_ptr<Instance>& fresh) {
    {
      const std::unique_lock lock(mutex_);
      adopt(old.source, id);
      arrange();
    }
    if (fresh) fresh->stand_back();
    if (old.instance) start(id);
    const bool taken_over = status(id).state == State::running;
    for (const auto& instance : {fresh, old.instance}) {
      if (instance && taken_over) finish(*instance, id);
      if (instance && !taken_over) end(*instance, id);
    }
    if (!old.instance) set_state(id, old.status.state, old.status.reason);
  }

  void stop(const std::string& id, State after, const std::string& reason) {
    std::shared_ptr<Instance> instance;
    {
      const std::unique_lock lock(mutex_);
      instance = std::move(plugins_.at(id).instance);
    }
    std::erase(started_, id);
    const auto kept = instance ? instance->stop(options_.patience) : std::string();
    set_state(id, after, kept.empty() ? reason : reason + "; " + kept);
  }

  void set_state(const std::string& id, State state, const std::string& reason) {
    {
      const std::unique_lock lock(mutex_);
      auto& status = plugins_.at(id).status;
      status.state = state;
      status.reason = reason;
    }
    const bool trouble = state == State::failed || state == State::quarantined || state == State::waiting;
    log(trouble ? Level::warning : Level::info, "plugins",
        id + ": " + std::string(to_string(state)) + (reason.empty() ? "" : ", " + reason));
  }

  Status status(const std::string& id) const { return plugin_of(id).status; }

  const abi::Parts parts_;
  routing::Table& routes_;
  const ManagerOptions options_;
  std::mutex turn_;                  ///< one change of life at a time
  mutable std::shared_mutex mutex_;  ///< held briefly, so that list() never waits for a start or a stop
  std::map<std::string, Plugin> plugins_;
  std::map<std::string, std::string> table_owners_, crashed_;
  std::vector<Status> broken_;  ///< folders whose plugin.json cannot be used
  std::vector<std::string> started_;
  StartOrder order_;
  Quarantine quarantine_;
  Switches switches_;
};

Manager::Manager(abi::Parts parts, routing::Table& routes, ManagerOptions options)
    : impl_(std::make_unique<Impl>(parts, routes, std::move(options))) {}
Manager::~Manager() { impl_->stop_all(); }

void Manager::start_all() { impl_->start_all(); }
void Manager::stop_all() { impl_->stop_all(); }
std::vector<Status> Manager::list() const { return impl_->list(); }
std::vector<Health> Manager::health() const { return impl_->health(); }
Health Manager::health(const std::string& id) const { return impl_->health(id); }
Status Manager::enable(const std::string& id, const storage::Actor& actor) { return impl_->enable(id, actor); }
Status Manager::disable(const std::string& id, const storage::Actor& actor) { return impl_->disable(id, actor); }
void Manager::follow_switches() { impl_->follow_switches(); }
Status Manager::add(const std::string& id, const Source& source, const std::function<void()>& keep) {
  return impl_->add(id, source, keep);
}
Status Manager::upgrade(const std::string& id, const Source& source, const std::function<void()>& keep) {
  return impl_->upgrade(id, source, keep);
}
void Manager::remove(const std::string& id) { impl_->remove(id); }
void Manager::show_failed(const std::string& id, const std::string& reason) { impl_->show_failed(id, reason); }

std::optional<Status> Manager::find(const std::string& id) const {
  for (auto& status : impl_->list()) {
    if (status.id == id) return std::move(status);
  }
  return std::nullopt;
}

std::optional<Manifest> Manager::manifest(const std::string& id) const { return impl_->manifest(id); }

}  // namespace kernel::plugins
