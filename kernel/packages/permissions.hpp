#pragma once
// What a plugin asks for in its manifest, for whoever decides whether to install it.
#include "plugins/manifest.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace kernel::packages {

/// {"interfaces", "tables", "routes", "requires", "uses", "provides", "egress", "keys", "environment", "settings"}
nlohmann::json permissions_of(const plugins::Manifest& manifest);
/// The same for people, a line for each kind that is asked for.
std::vector<std::string> permission_lines(const nlohmann::json& permissions);
/// Likewise; what the version before did not ask for comes first, in lines that begin with "new: ".
std::vector<std::string> permission_lines(const nlohmann::json& permissions, const nlohmann::json& before);

}  // namespace kernel::packages
