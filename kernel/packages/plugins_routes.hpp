#pragma once
// The plugins of this installation over HTTP: built into the kernel, declared as a plugin declares its own.
#include "packages/installed.hpp"
#include "plugins/manager.hpp"
#include "storage/database.hpp"

#include <atrium/plugin.hpp>

#include <functional>
#include <mutex>

namespace kernel::packages {

class PluginsRoutes final : public atrium::Plugin {
 public:
  using ActorOf = std::function<storage::Actor(const atrium::Request&)>;
  struct Parts {
    plugins::Manager& manager;
    Installed& installed;
    storage::Database& database;
    ActorOf actor_of;
  };
  /// The parts outlive this object. `actor_of` is asked before the request is answered.
  explicit PluginsRoutes(Parts parts) : parts_(std::move(parts)) {}
  void start() override;

 private:
  void declare_installing();
  atrium::Reply list(atrium::Request& request) const;
  atrium::Reply switched(atrium::Request& request, const char* action,
                         plugins::Status (plugins::Manager::*act)(const std::string&));
  /// What a package is to do; answers in the reply's status and body.
  using Deed = std::function<atrium::Reply(const Package& package)>;
  atrium::Async<atrium::Reply> receive(atrium::Request& request, Deed deed);
  atrium::Reply install(const Package& package, const storage::Actor& actor);
  atrium::Reply upgrade(const Package& package, const storage::Actor& actor, bool downgrade);
  atrium::Reply remove(atrium::Request& request);

  Parts parts_;
  std::mutex turn_;  ///< one change of what is installed at a time
};

}  // namespace kernel::packages
