#pragma once
// The boundary's table for a class of the kernel's own that needs more than a plugin is given.
#include <atrium/plugin.hpp>

#include <functional>
#include <memory>

namespace kernel::abi {

/// `make` is kept for the life of the process: one table for each class P.
template <class P>
const atrium_plugin& built_in_table(const char* id, std::function<std::unique_ptr<P>()> make) {
  static std::function<std::unique_ptr<P>()> factory;
  factory = std::move(make);
  // plugin_table's own create() would default-construct P.
  struct Made final : atrium::Plugin {
    void start() override {}
  };
  static atrium_plugin table = *atrium::detail::plugin_table<Made>(id, "0", ATRIUM_ABI_MINOR);
  table.id = id;
  table.create = [](const atrium_host* host, void** self, atrium_err* why) -> std::int32_t {
    try {
      auto made = factory();
      made->attach(host);
      *self = static_cast<atrium::Plugin*>(made.release());
      return ATRIUM_OK;
    } catch (...) {
      return atrium::detail::report(why);
    }
  };
  return table;
}

}  // namespace kernel::abi
