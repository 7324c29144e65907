#pragma once
// The routes of settings: built into the kernel, declared as a plugin declares its own.
#include "settings/registry.hpp"

#include <atrium/plugin.hpp>

#include <functional>
#include <string>
#include <vector>

namespace kernel::settings {

using ActorOf = std::function<storage::Actor(const atrium::Request&)>;

/// A category that has a path of its own, where it reads and is changed as one plain object.
struct View {
  std::string path, category, tag, read_summary, change_summary;
};

class SettingsRoutes final : public atrium::Plugin {
 public:
  /// `registry` outlives this object; the categories of the views are declared. `actor_of` is asked on the request's
  /// handler thread, before it is answered.
  SettingsRoutes(Registry& registry, ActorOf actor_of, std::vector<View> views)
      : registry_(registry), actor_of_(std::move(actor_of)), views_(std::move(views)) {}
  void start() override;

 private:
  void declare_view(const View& view);
  atrium::Reply one(const atrium::Request& request) const;
  atrium::Reply set_one(const atrium::Request& request);
  atrium::Reply set_many(const atrium::Request& request);
  atrium::Json values_of(const std::string& category) const;
  atrium::Reply set_view(const atrium::Request& request, const std::string& category);

  Registry& registry_;
  ActorOf actor_of_;
  std::vector<View> views_;
};

}  // namespace kernel::settings
