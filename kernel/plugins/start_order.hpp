#pragma once
#include "plugins/manifest.hpp"

#include <map>
#include <string>
#include <vector>

namespace kernel::plugins {

struct StartOrder {
  std::vector<std::string> ids;                ///< providers before those who require or use them
  std::map<std::string, std::string> blocked;  ///< id -> why it cannot start: a missing service, or a cycle by name
};

/// From what the manifests declare. Cycles through optional uses are broken; everything else keeps the order of ids.
StartOrder start_order(const std::vector<Manifest>& manifests);

}  // namespace kernel::plugins
