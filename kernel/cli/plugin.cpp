#include "cli/options.hpp"
#include "cli/plugin_commands.hpp"
#include "cli/program.hpp"
#include "cli/table.hpp"
#include "packages/permissions.hpp"

#include <CLI/CLI.hpp>

#include <nlohmann/json.hpp>

#include <iostream>
#include <vector>

namespace kernel::cli {
namespace {

struct Options {
  ClientOptions client;
  std::string id;
  bool json = false;
};

void print(const nlohmann::json& items) {
  const auto text = [](const nlohmann::json& value) { return value.is_string() ? value.get<std::string>() : ""; };
  std::vector<std::vector<std::string>> rows;
  for (const auto& item : items) {
    rows.push_back({text(item["id"]), text(item["version"]), text(item["state"]),
                    item["reason"].is_string() ? text(item["reason"]) : text(item["description"])});
  }
  print_table({"ID", "VERSION", "STATE", "ABOUT"}, rows);
}

int list(const Options& options) {
  const auto page = Client(options.client).call("GET", "/plugins?limit=200");
  if (options.json) {
    std::cout << page.dump(2) << '\n';
  } else {
    print(page["items"]);
  }
  return 0;
}

int one(const Options& options, const std::string& method, const std::string& what) {
  const auto plugin = Client(options.client).call(method, "/plugins/" + url_encoded(options.id) + what);
  if (options.json) {
    std::cout << plugin.dump(2) << '\n';
  } else {
    print(nlohmann::json::array({plugin}));
  }
  return 0;
}

int show(const Options& options) {
  const auto plugin = Client(options.client).call("GET", "/plugins/" + url_encoded(options.id));
  if (options.json) {
    std::cout << plugin.dump(2) << '\n';
    return 0;
  }
  print(nlohmann::json::array({plugin}));
  if (plugin["permissions"].is_null()) return 0;
  std::cout << "\nIt was given:\n";
  for (const auto& line : packages::permission_lines(plugin["permissions"])) std::cout << "  " << line << '\n';
  return 0;
}
int enable(const Options& options) { return one(options, "POST", "/enable"); }
int disable(const Options& options) { return one(options, "POST", "/disable"); }

}  // namespace

void add_plugin(CLI::App& app, Program& program) {
  auto* plugin = app.add_subcommand("plugin", "The plugins of a running kernel, and packages of plugins");
  plugin->require_subcommand(1);
  plugin->footer("Example:\n  atrium plugin list");
  const auto add = [&](const char* name, const char* about, int (*act)(const Options&), bool takes_id) {
    auto* command = plugin->add_subcommand(name, about);
    auto options = on_chosen<Options>(*command, program, act);
    if (takes_id) command->add_option("id", options->id, "The plugin's id")->type_name("ID")->required();
    add_client_options(*command, options->client);
    add_json_option(*command, options->json);
    command->footer("Example:\n  atrium plugin " + std::string(name) + (takes_id ? " notes" : ""));
  };
  add("list", "Every installed plugin and how it is", list, false);
  add("show", "One plugin, and what it may use", show, true);
  add("enable", "Start it, now and at every start", enable, true);
  add("disable", "Stop it; it stays off", disable, true);
  add_plugin_new(*plugin, program);
  add_plugin_install(*plugin, program);
  add_plugin_package(*plugin, program);
}

}  // namespace kernel::cli
