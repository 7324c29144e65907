#include "cli/options.hpp"

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

namespace kernel::cli {

config::Inputs InstallationOptions::inputs() const {
  config::Inputs inputs{.file = file, .environment = config::process_environment()};
  if (!data.empty()) inputs.arguments["data.directory"] = data;
  return inputs;
}

void add_installation_options(CLI::App& command, InstallationOptions& options) {
  command.add_option("--config", options.file, "Read the configuration from this file")->type_name("FILE");
  command.add_option("--data", options.data, "The data directory (./atrium-data)")->type_name("DIR");
}

void add_client_options(CLI::App& command, ClientOptions& options) {
  command.add_option("--url", options.url, "The kernel to speak to (http://127.0.0.1:8000)")
      ->envname("ATRIUM_URL")
      ->type_name("URL");
  command
      .add_option("--token-file", options.token_file,
                  "A file that holds the token (ATRIUM_TOKEN, else what login stored)")
      ->type_name("FILE");
}

void add_json_option(CLI::App& command, bool& json) { command.add_flag("--json", json, "Print JSON"); }

}  // namespace kernel::cli
