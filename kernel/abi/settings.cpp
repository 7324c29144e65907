// atrium.settings: the plugin's table of the configuration, and the environment it was granted.
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

}  // namespace

const atrium_settings settings_table = {sizeof(atrium_settings), 0, configuration, environment};

}  // namespace kernel::abi
