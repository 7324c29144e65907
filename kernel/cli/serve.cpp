#include "cli/options.hpp"
#include "cli/program.hpp"

#include <CLI/CLI.hpp>

#include <memory>

namespace kernel::cli {

void add_serve(CLI::App& app, Program& program) {
  struct Options {
    InstallationOptions installation;
    std::string listen, plugins;
  };
  auto options = std::make_shared<Options>();
  auto* command = app.add_subcommand("serve", "Run the kernel");
  add_installation_options(*command, options->installation);
  command->add_option("--listen", options->listen, "The address to listen on (127.0.0.1:8000)")->type_name("HOST:PORT");
  command->add_option("--plugins", options->plugins, "Load these plugins only")->type_name("ID,ID");
  command->footer("Example:\n  atrium serve --data /var/lib/atrium --listen 127.0.0.1:8000");
  command->callback([&program, options] {
    program.action = [&program, options] {
      auto inputs = options->installation.inputs();
      if (!options->listen.empty()) inputs.arguments["http.listen"] = options->listen;
      if (!options->plugins.empty()) inputs.arguments["plugins.enabled"] = options->plugins;
      return program.serve(inputs, config::load(inputs));
    };
  });
}

}  // namespace kernel::cli
