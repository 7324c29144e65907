#include "cli/options.hpp"
#include "cli/program.hpp"
#include "cli/table.hpp"

#include <CLI/CLI.hpp>

#include <iostream>
#include <vector>

namespace kernel::cli {
namespace {

struct Options {
  InstallationOptions installation;
  bool json = false;
};

int check(const Options& options) {
  std::vector<std::string> faults, warnings;
  try {
    warnings = options.installation.load().warnings;
  } catch (const config::ConfigError& error) {
    faults = error.faults();
  }
  if (options.json) {
    std::cout << nlohmann::json{{"ok", faults.empty()}, {"faults", faults}, {"warnings", warnings}}.dump(2) << '\n';
    return faults.empty() ? 0 : 1;
  }
  for (const auto& warning : warnings) std::cerr << "warning: " << warning << '\n';
  for (const auto& fault : faults) std::cerr << fault << '\n';
  if (faults.empty()) std::cout << "The configuration is good.\n";
  return faults.empty() ? 0 : 1;
}

int show(const Options& options) {
  const auto loaded = options.installation.load();
  auto items = nlohmann::json::array();
  for (const auto& key : config::keys()) {
    items.push_back({{"key", key.name},
                     {"value", config::masked_value_of(key, loaded.config)},
                     {"source", loaded.sources.at(std::string(key.name))},
                     {"environment", config::environment_name(key)}});
  }
  for (const auto& [id, table] : loaded.config.plugin) {
    const auto name = "plugin." + id;
    items.push_back({{"key", name}, {"value", config::masked_table(table)}, {"source", loaded.sources.at(name)}});
  }
  if (options.json) {
    std::cout << nlohmann::json{{"items", items}}.dump(2) << '\n';
    return 0;
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& item : items) rows.push_back({item["key"], item["value"].dump(), item["source"]});
  print_table({"KEY", "VALUE", "FROM"}, rows);
  return 0;
}

int sample(const Options&) {
  std::cout << config::sample_file();
  return 0;
}

}  // namespace

void add_config(CLI::App& app, Program& program) {
  auto* config = app.add_subcommand("config", "The configuration: what is in effect, and what is wrong with it");
  config->require_subcommand(1);
  config->footer("Example:\n  atrium config show --config /etc/atrium/atrium.toml");
  const auto add = [&](const char* name, const char* about, int (*act)(const Options&), const char* example) {
    auto* command = config->add_subcommand(name, about);
    auto options = on_chosen<Options>(*command, program, act);
    add_installation_options(*command, options->installation);
    add_json_option(*command, options->json);
    command->footer("Example:\n  " + std::string(example));
  };
  add("check", "Say everything that is wrong with it", check, "atrium config check --config /etc/atrium/atrium.toml");
  add("show", "Every value, where it came from, secrets masked", show, "atrium config show --json");
  auto* command = config->add_subcommand("sample", "A commented file with every key and its default");
  on_chosen<Options>(*command, program, sample);
  command->footer("Example:\n  atrium config sample > atrium.toml");
}

}  // namespace kernel::cli
