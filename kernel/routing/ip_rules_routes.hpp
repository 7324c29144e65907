#pragma once
// /security/ip-rules: built into the kernel, declared as a plugin declares its own routes.
#include "routing/ip_rules.hpp"

#include <atrium/plugin.hpp>

#include <functional>

namespace kernel::routing {

using ActorOf = std::function<storage::Actor(const atrium::Request&)>;

class IpRulesRoutes final : public atrium::Plugin {
 public:
  /// `rules` outlives this object. `actor_of` is asked on the request's handler thread, before it is answered.
  IpRulesRoutes(IpRules& rules, ActorOf actor_of) : rules_(rules), actor_of_(std::move(actor_of)) {}
  void start() override;

 private:
  IpRules& rules_;
  ActorOf actor_of_;
};

}  // namespace kernel::routing
