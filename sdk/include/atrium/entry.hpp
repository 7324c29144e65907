#pragma once
// The bridge from a plugin's class to the boundary's table.
#include <atrium/plugin.hpp>

namespace atrium {

namespace detail {
inline std::int32_t report(atrium_err* out) {
  std::string message;
  std::int32_t code = ATRIUM_E_INTERNAL;
  try {
    throw;
  } catch (const Problem& problem) {
    message = problem.what();
    code = code_for(problem.status);
  } catch (const std::exception& error) {
    message = error.what();
  } catch (...) {
    message = "an unknown exception";
  }
  out->code = code;
  std::snprintf(out->message, sizeof out->message, "%s", message.c_str());
  return code;
}

template <class P>
const atrium_plugin* plugin_table(const char* id, const char* version, std::uint32_t abi_minor) {
  static const atrium_plugin table{sizeof(atrium_plugin),
                                   abi_minor,
                                   id,
                                   version,
                                   [](const atrium_host* host, void** self, atrium_err* why) -> std::int32_t {
                                     try {
                                       auto made = std::make_unique<P>();
                                       made->attach(host);
                                       *self = static_cast<Plugin*>(made.release());
                                       return ATRIUM_OK;
                                     } catch (...) {
                                       return report(why);
                                     }
                                   },
                                   [](void* self, atrium_err* why) -> std::int32_t {
                                     try {
                                       static_cast<Plugin*>(self)->run_start();
                                       return ATRIUM_OK;
                                     } catch (...) {
                                       return report(why);
                                     }
                                   },
                                   [](void* self, std::int64_t deadline_ms, atrium_err* why) -> std::int32_t {
                                     try {
                                       static_cast<Plugin*>(self)->quiesce(std::chrono::milliseconds(deadline_ms));
                                       return ATRIUM_OK;
                                     } catch (...) {
                                       return report(why);
                                     }
                                   },
                                   [](void* self) { delete static_cast<Plugin*>(self); },
                                   [](void* self, atrium_err* why) -> std::int32_t {
                                     try {
                                       static_cast<Plugin*>(self)->health();
                                       return ATRIUM_OK;
                                     } catch (...) {
                                       return report(why);
                                     }
                                   }};
  return &table;
}
}  // namespace detail

}  // namespace atrium

/// Once in a plugin: makes its class known to the kernel.
#define ATRIUM_PLUGIN(Class)                                                                                      \
  extern "C" __attribute__((visibility("default"))) const atrium_plugin* atrium_plugin_v1(void) {                 \
    return atrium::detail::plugin_table<Class>(ATRIUM_PLUGIN_ID, ATRIUM_PLUGIN_VERSION, ATRIUM_PLUGIN_ABI_MINOR); \
  }
