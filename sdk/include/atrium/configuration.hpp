#pragma once
// What the kinds with a configuration share: whoever offers a step, a trigger or a channel describes what a user fills
// in for it. Its schema stands in the metadata, and the method "check" {"config"} answers {} or the 422 with every
// fault.
#include <atrium/plugin.hpp>

namespace atrium {

struct NoConfiguration {
  static constexpr auto members = atrium::members();
};

template <Described Config>
Json configuration_schema() {
  Json out = schema<Config>(true);
  out["additionalProperties"] = false;
  return out;
}
/// Throws the 422; its pointers begin with "/config".
template <Described Config>
Config read_configuration(const Json& config) {
  return from_json<Config>(config, FaultSink::Unknown::refused, "/config");
}
/// The names of the members marked .secret(): keep them in the vault, and show them masked.
inline std::vector<std::string> secret_members(const Json& schema) {
  std::vector<std::string> names;
  const Json properties = schema.value("properties", Json::object());
  for (const auto& [name, property] : properties.items())
    if (property.value("writeOnly", false)) names.push_back(name);
  return names;
}

struct ConfigurationCheck {
  Json config = Json::object();
  static constexpr auto members =
      atrium::members(member("config", &ConfigurationCheck::config).length(0, 1 << 20).required());
};

template <Described Config>
void provide_check(Provided& entry) {
  entry.on("check", [](const Call& call) -> Json {
    read_configuration<Config>(call.arguments<ConfigurationCheck>().config);
    return Json::object();
  });
}
/// Awaitable: throws the 422 that a configuration of this service deserves.
inline Async<void> check_configuration(const Services& services, std::string service, Json config) {
  const Json arguments = as_json(ConfigurationCheck{std::move(config)});
  auto calling = services.call(std::move(service), "check", arguments);
  co_await calling;
}

}  // namespace atrium
