#include "packages/permissions.hpp"

namespace kernel::packages {
namespace {

std::string joined(const std::vector<std::string>& items) {
  std::string text;
  for (const auto& item : items) text.append(text.empty() ? "" : ", ").append(item);
  return text;
}

std::string egress_of(const plugins::Manifest& manifest) {
  if (manifest.egress_user && manifest.egress_operator) return "both";
  return manifest.egress_user ? "user" : manifest.egress_operator ? "operator" : "none";
}

}  // namespace

nlohmann::json permissions_of(const plugins::Manifest& manifest) {
  auto settings = nlohmann::json::array();
  for (const auto& setting : manifest.settings) settings.push_back(setting.value("key", ""));
  return {{"interfaces", manifest.interfaces},
          {"tables", manifest.tables},
          {"requires", manifest.requires_},
          {"uses", manifest.uses},
          {"provides", manifest.provides},
          {"egress", egress_of(manifest)},
          {"keys", manifest.keys},
          {"environment", manifest.environment},
          {"settings", settings}};
}

std::vector<std::string> permission_lines(const plugins::Manifest& manifest) {
  std::vector<std::string> lines;
  const auto add = [&](const std::string& text) { lines.push_back(text); };
  if (manifest.interfaces.empty())
    add("every interface of the kernel");
  else
    add("interfaces: " + joined(manifest.interfaces));
  if (!manifest.tables.empty()) add("tables of its own: " + joined(manifest.tables));
  if (manifest.egress_user) add("the network, for addresses that users name (public ones, and egress.allow_private)");
  if (manifest.egress_operator) add("the network, for addresses that the operator names, private ones too");
  if (!manifest.requires_.empty()) add("services it cannot do without: " + joined(manifest.requires_));
  if (!manifest.uses.empty()) add("services it uses where they are: " + joined(manifest.uses));
  if (!manifest.provides.empty()) add("to provide: " + joined(manifest.provides));
  if (manifest.keys) add("to wrap keys under the master key of this installation");
  if (!manifest.environment.empty()) add("variables of the environment: " + joined(manifest.environment));
  return lines;
}

}  // namespace kernel::packages
