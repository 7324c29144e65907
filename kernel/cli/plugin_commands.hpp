#pragma once
#include "cli/program.hpp"

namespace kernel::cli {

/// keygen, pack, verify
void add_plugin_package(CLI::App& plugin, Program& program);
/// new
void add_plugin_new(CLI::App& plugin, Program& program);
/// install, remove
void add_plugin_install(CLI::App& plugin, Program& program);

}  // namespace kernel::cli
