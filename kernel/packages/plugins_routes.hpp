#pragma once
// The plugins of this installation over HTTP: built into the kernel, declared as a plugin declares its own.
#include "packages/installer.hpp"
#include "plugins/manager.hpp"

#include <atrium/plugin.hpp>

#include <functional>

namespace kernel::packages {

class PluginsRoutes final : public atrium::Plugin {
 public:
  using ActorOf = std::function<storage::Actor(const atrium::Request&)>;
  struct Parts {
    plugins::Manager& manager;
    Installer& installer;
    const Trust& trust;
    ActorOf actor_of;
  };
  /// The parts outlive this object. `actor_of` is asked before the request is answered.
  explicit PluginsRoutes(Parts parts) : parts_(std::move(parts)) {}
  void start() override;

 private:
  void declare_installing();
  atrium::Reply list(atrium::Request& request) const;
  using Switch = plugins::Status (plugins::Manager::*)(const std::string&, const storage::Actor&);
  atrium::Reply switched(const atrium::Request& request, Switch act);
  /// What a package is to do; answers in the reply's status and body.
  using Deed = std::function<atrium::Reply(const Package& package)>;
  atrium::Async<atrium::Reply> receive(atrium::Request& request, Deed deed);
  atrium::Reply install(const Package& package, const storage::Actor& actor);
  atrium::Reply remove(const atrium::Request& request);

  Parts parts_;
};

}  // namespace kernel::packages
