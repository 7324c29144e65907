#pragma once
// What the files of the commands share: each adds one command to the program, and its action is run after parsing.
#include "cli/cli.hpp"

#include <CLI/App.hpp>

#include <functional>
#include <memory>

namespace kernel::cli {

struct Program {
  Serve serve;
  std::function<int()> action;
};

void add_serve(CLI::App& app, Program& program);
void add_admin(CLI::App& app, Program& program);
void add_login(CLI::App& app, Program& program);
void add_plugin(CLI::App& app, Program& program);
void add_events(CLI::App& app, Program& program);
void add_migrate(CLI::App& app, Program& program);
void add_config(CLI::App& app, Program& program);
void add_audit(CLI::App& app, Program& program);
void add_backup(CLI::App& app, Program& program);
void add_restore(CLI::App& app, Program& program);
void add_doctor(CLI::App& app, Program& program);
void add_version(CLI::App& app, Program& program);

/// A command whose options live in an Options made here; `act` is called with them when the command is chosen.
template <typename Options>
std::shared_ptr<Options> on_chosen(CLI::App& command, Program& program, int (*act)(const Options&)) {
  auto options = std::make_shared<Options>();
  command.callback([&program, options, act] { program.action = [options, act] { return act(*options); }; });
  return options;
}

}  // namespace kernel::cli
