#include "cli/cli.hpp"

#include "cli/forward.hpp"
#include "cli/program.hpp"
#include "observability/printable.hpp"

#include <CLI/CLI.hpp>

#include <iostream>

namespace kernel::cli {
namespace {

constexpr int failed = 1, wrong_usage = 2;

int complain(const std::string& text, int code) {
  std::cerr << "atrium: " << observability::printable(text, 4000) << '\n';
  return code;
}

void add_commands(CLI::App& app, Program& program) {
  add_serve(app, program);
  add_admin(app, program);
  add_login(app, program);
  add_plugin(app, program);
  add_events(app, program);
  add_migrate(app, program);
  add_config(app, program);
  add_backup(app, program);
  add_restore(app, program);
  add_audit(app, program);
  add_doctor(app, program);
  add_version(app, program);
}

bool knows(const CLI::App& app, const std::string& word) {
  const auto all = app.get_subcommands([&](const CLI::App* command) { return command->check_name(word); });
  return !all.empty();
}

/// The command that was being written, for the hint.
std::string chosen(const CLI::App& app) {
  const auto below = app.get_subcommands();
  return below.empty() ? app.get_name() : app.get_name() + " " + chosen(*below.front());
}

int parse_and_act(int argc, char** argv, Serve serve) {
  CLI::App app("Atrium: a platform on which plugins do the work.", "atrium");
  app.require_subcommand(1);
  app.footer("Example:\n  atrium serve\n\nExit codes: 0 done, 1 failed, 2 wrong usage.");
  Program program{std::move(serve), {}};
  add_commands(app, program);
  if (argc > 1 && argv[1][0] != '-' && !knows(app, argv[1])) {
    return forward(argv[1], {argv + 2, argv + argc});
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {
      const int code = app.exit(error);
      if (app.get_subcommands().empty()) std::cout << forwarded_commands();
      return code;
    }
    return complain(std::string(error.what()) + "; see " + chosen(app) + " --help", wrong_usage);
  }
  return program.action();
}

}  // namespace

int run(int argc, char** argv, Serve serve) {
  try {
    return parse_and_act(argc, argv, std::move(serve));
  } catch (const std::exception& error) {
    return complain(error.what(), failed);
  }
}

}  // namespace kernel::cli
