// atrium.settings: the plugin's table of the configuration, the environment it was granted, and its live settings.
#include "abi/host_state.hpp"

#include <algorithm>
#include <cstdlib>

namespace kernel::abi {
namespace {

void configuration(const atrium_host* handle, void (*value)(void*, atrium_str), void* context) {
  HostState& host = HostState::of(handle);
  guard(nullptr, [&] {
    const std::string json = host.configuration.is_object() ? host.configuration.dump() : "{}";
    notify_plugin(host, "a function for the configuration", [&] { value(context, text(json)); });
    return ATRIUM_OK;
  });
}

void environment(const atrium_host* handle, atrium_str name, void (*value)(void*, atrium_str), void* context) {
  HostState& host = HostState::of(handle);
  guard(nullptr, [&] {
    const std::string wanted(view(name));
    const auto& granted = host.grants.environment;
    if (std::find(granted.begin(), granted.end(), wanted) == granted.end()) return ATRIUM_E_DENIED;
    const char* found = std::getenv(wanted.c_str());
    if (found == nullptr) return ATRIUM_E_NOT_FOUND;
    notify_plugin(host, "a function for the environment", [&] { value(context, text(found)); });
    return ATRIUM_OK;
  });
}

std::int32_t setting(const atrium_host* handle, atrium_str key, void (*value)(void*, atrium_str), void* context,
                     atrium_err* error) {
  return guard(error, [&]() -> std::int32_t {
    HostState& host = HostState::of(handle);
    const auto& settings = host.parts.settings;
    if (!settings.has(host.owner, view(key)))
      return fail(error, ATRIUM_E_NOT_FOUND, "plugin.json declares no setting " + std::string(view(key)));
    const std::string json = settings.value(host.owner, view(key)).dump();
    notify_plugin(host, "a function for a setting", [&] { value(context, text(json)); });
    return ATRIUM_OK;
  });
}

}  // namespace

const atrium_settings settings_table = {sizeof(atrium_settings), 0, configuration, environment, setting};

}  // namespace kernel::abi
