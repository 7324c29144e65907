#include "plugins/start_order.hpp"

#include <atrium/grants.hpp>

#include <algorithm>
#include <set>

namespace kernel::plugins {
namespace {

/// Either side may be a pattern: "kind/*" offers any name, and asks for any.
bool offers(const std::string& provided, const std::string& wanted) {
  return atrium::grants::service(wanted, provided) || atrium::grants::service(provided, wanted);
}

class Sorter {
 public:
  explicit Sorter(const std::vector<Manifest>& manifests) {
    for (const Manifest& manifest : manifests) manifests_.emplace(manifest.id, &manifest);
  }

  StartOrder sort() {
    for (const auto& [id, manifest] : manifests_) visit(id);
    return std::move(order_);
  }

 private:
  std::vector<std::string> providers(const std::string& wanted) const {
    std::vector<std::string> found;
    for (const auto& [id, manifest] : manifests_) {
      const auto& provides = manifest->provides;
      if (std::any_of(provides.begin(), provides.end(), [&](const auto& name) { return offers(name, wanted); })) {
        found.push_back(id);
      }
    }
    return found;
  }

  void visit(const std::string& id) {
    if (!seen_.insert(id).second) return;
    path_.push_back(id);
    const Manifest& manifest = *manifests_.at(id);
    for (const auto& wanted : manifest.requires_) require(id, wanted);
    for (const auto& wanted : manifest.uses) {
      for (const auto& provider : providers(wanted)) visit(provider);
    }
    path_.pop_back();
    order_.ids.push_back(id);
  }

  void require(const std::string& id, const std::string& wanted) {
    const auto found = providers(wanted);
    if (found.empty()) {
      order_.blocked.emplace(id, "needs service " + wanted + ", which no installed plugin provides");
      return;
    }
    for (const auto& provider : found) {
      const auto begin = std::find(path_.begin(), path_.end(), provider);
      if (begin == path_.end()) {
        visit(provider);
      } else if (provider != id) {
        name_cycle(begin);
      }
    }
  }

  void name_cycle(std::vector<std::string>::const_iterator begin) {
    std::string chain;
    for (auto at = begin; at != path_.cend(); ++at) chain += *at + " -> ";
    chain += *begin;
    for (auto at = begin; at != path_.cend(); ++at) {
      order_.blocked.emplace(*at, "plugins require each other's services in a circle: " + chain);
    }
  }

  std::map<std::string, const Manifest*> manifests_;
  std::set<std::string> seen_;
  std::vector<std::string> path_;
  StartOrder order_;
};

}  // namespace

StartOrder start_order(const std::vector<Manifest>& manifests) { return Sorter(manifests).sort(); }

}  // namespace kernel::plugins
