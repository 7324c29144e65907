#include "packages/permissions.hpp"

#include <algorithm>

namespace kernel::packages {
namespace {

std::string joined(const nlohmann::json& items) {
  std::string text;
  for (const auto& item : items) text.append(text.empty() ? "" : ", ").append(item.get<std::string>());
  return text;
}

nlohmann::json egress_of(const plugins::Manifest& manifest) {
  if (!manifest.egress_hosts.empty()) return manifest.egress_hosts;
  if (manifest.egress_user && manifest.egress_operator) return "both";
  return manifest.egress_user ? "user" : manifest.egress_operator ? "operator" : "none";
}

}  // namespace

nlohmann::json permissions_of(const plugins::Manifest& manifest) {
  auto settings = nlohmann::json::array();
  for (const auto& setting : manifest.settings) settings.push_back(setting.value("key", ""));
  return {{"interfaces", manifest.interfaces},
          {"tables", manifest.tables},
          {"routes", manifest.routes},
          {"requires", manifest.requires_},
          {"uses", manifest.uses},
          {"provides", manifest.provides},
          {"egress", egress_of(manifest)},
          {"keys", manifest.keys},
          {"environment", manifest.environment},
          {"settings", settings}};
}

std::vector<std::string> permission_lines(const nlohmann::json& permissions) {
  std::vector<std::string> lines;
  const auto list = [&](const char* member, const std::string& about) {
    const auto& items = permissions.at(member);
    if (items.is_array() && !items.empty()) lines.push_back(about + ": " + joined(items));
  };
  if (permissions.at("interfaces") == nlohmann::json::array()) lines.emplace_back("every interface of the kernel");
  list("interfaces", "interfaces");
  list("tables", "tables of its own");
  list("routes", "to answer requests under");
  const auto& egress = permissions.at("egress");
  list("egress", "the network, for these hosts and no others");
  if (egress == "user" || egress == "both")
    lines.emplace_back("the network, for addresses that users name (public ones, and egress.allow_private)");
  if (egress == "operator" || egress == "both")
    lines.emplace_back("the network, for addresses that the operator names, private ones too");
  list("requires", "services it cannot do without");
  list("uses", "services it uses where they are");
  list("provides", "to provide");
  if (permissions.at("keys") == true) lines.emplace_back("to wrap keys under the master key of this installation");
  list("environment", "variables of the environment");
  list("settings", "settings of its own");
  return lines;
}

namespace {

/// Of what is asked for now, what was there before, or what was not; of a list, each item for itself.
nlohmann::json part_of(const nlohmann::json& now, const nlohmann::json& before, bool known) {
  auto part = now;
  for (auto& [member, value] : part.items()) {
    const auto& old = before.at(member);
    const bool every_interface = member == "interfaces" && (value.empty() || old.empty());
    if (every_interface || !value.is_array() || !old.is_array()) {
      const bool was_there = every_interface ? old.empty() : value == old;
      if (was_there != known) value = nullptr;
    } else {
      std::erase_if(value.get_ref<nlohmann::json::array_t&>(),
                    [&](const auto& item) { return (std::find(old.begin(), old.end(), item) != old.end()) != known; });
      if (member == "interfaces" && value.empty()) value = nullptr;
    }
  }
  return part;
}

}  // namespace

std::vector<std::string> permission_lines(const nlohmann::json& permissions, const nlohmann::json& before) {
  auto lines = permission_lines(part_of(permissions, before, false));
  for (auto& line : lines) line.insert(0, "new: ");
  const auto known = permission_lines(part_of(permissions, before, true));
  lines.insert(lines.end(), known.begin(), known.end());
  return lines;
}

}  // namespace kernel::packages
