#pragma once
// What a plugin asks for in its manifest, for whoever decides whether to install it.
#include "plugins/manifest.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace kernel::packages {

/// {"interfaces", "tables", "requires", "uses", "provides", "egress", "keys", "environment", "settings"}
nlohmann::json permissions_of(const plugins::Manifest& manifest);
/// The same for people, a line for each kind.
std::vector<std::string> permission_lines(const plugins::Manifest& manifest);

}  // namespace kernel::packages
