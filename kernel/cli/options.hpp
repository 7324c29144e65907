#pragma once
// Options that several commands take, declared once.
#include "cli/client.hpp"
#include "config/config.hpp"

#include <CLI/App.hpp>

#include <string>

namespace kernel::cli {

/// --config and --data: which installation is meant.
struct InstallationOptions {
  std::string file, data;
  config::Inputs inputs() const;
  config::Loaded load() const { return config::load(inputs()); }
};
void add_installation_options(CLI::App& command, InstallationOptions& options);

/// --url and --token-file, or ATRIUM_URL and ATRIUM_TOKEN.
void add_client_options(CLI::App& command, ClientOptions& options);

void add_json_option(CLI::App& command, bool& json);

}  // namespace kernel::cli
