// install and remove: what a running kernel has beside the plugins of its release.
#include "auth/encoding.hpp"
#include "cli/failure.hpp"
#include "cli/options.hpp"
#include "cli/plugin_commands.hpp"
#include "cli/program.hpp"
#include "observability/printable.hpp"

#include <CLI/CLI.hpp>

#include <fstream>
#include <iostream>

namespace kernel::cli {
namespace {

struct Options {
  ClientOptions client;
  std::string file, id;
  bool yes = false, json = false, upgrade = false, downgrade = false;
};

std::string content_of(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  std::string content{std::istreambuf_iterator<char>(stream), {}};
  if (!stream) throw Failure("cannot read " + file);
  return content;
}

/// The kernel verifies the package and says what its plugin asks for; nothing of it runs yet.
void show_what_it_asks_for(const Options& options, const nlohmann::json& problem) {
  auto& out = options.json ? std::cerr : std::cout;
  out << options.file << " runs inside the kernel and asks for:\n";
  for (const auto& fault : problem["errors"]) {
    const auto detail = fault.value("detail", "");
    if (!detail.starts_with("must be ")) out << "  " << observability::printable(detail, 500) << '\n';
  }
}

bool agreed() {
  std::cerr << "Install it? [y/N] " << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

bool asks_for_grant(const Answer& answer) {
  return answer.status == 422 && answer.body.contains("errors") && !answer.body["errors"].empty() &&
         answer.body["errors"][0].value("pointer", "") == "/grant";
}

int install(const Options& options) {
  Client client(options.client);
  const std::string path = std::string("/plugins?upgrade=") + (options.upgrade ? "true" : "false") +
                           "&downgrade=" + (options.downgrade ? "true" : "false");
  std::vector<FormFile> form{{"file", "package.atp", content_of(options.file)}};
  auto answer = client.upload(path, form);
  if (asks_for_grant(answer)) {
    show_what_it_asks_for(options, answer.body);
    if (!options.yes && !agreed()) throw Failure("nothing was installed; --yes agrees without being asked");
    form.push_back({"grant", "", auth::sha256_hex(form.front().content)});
    answer = client.upload(path, form);
  }
  const auto plugin = successful(std::move(answer));
  if (options.json) {
    std::cout << plugin.dump(2) << '\n';
  } else {
    std::cout << plugin.value("id", "") << ' ' << plugin.value("version", "") << " is installed and "
              << plugin.value("state", "") << ".\n";
  }
  return 0;
}

int remove(const Options& options) {
  Client(options.client).call("DELETE", "/plugins/" + url_encoded(options.id));
  if (!options.json) std::cout << options.id << " is removed; its tables stay.\n";
  return 0;
}

}  // namespace

void add_plugin_install(CLI::App& plugin, Program& program) {
  const auto add = [&](const char* name, const char* about, const char* example) {
    auto* command = plugin.add_subcommand(name, about);
    auto options = on_chosen<Options>(*command, program, install);
    command->add_option("file", options->file, "The package")->type_name("FILE")->required();
    command->add_flag("--yes", options->yes, "Give what the plugin asks for without being asked");
    add_client_options(*command, options->client);
    add_json_option(*command, options->json);
    command->footer("Example:\n  " + std::string(example));
    return std::pair(command, options);
  };
  add("install", "Install a plugin from a signed package, and start it", "atrium plugin install notes-1.0.0.atp");
  auto [upgrading, options] =
      add("upgrade", "Run another version of a plugin, without a gap", "atrium plugin upgrade notes-1.1.0.atp");
  options->upgrade = true;
  upgrading->add_flag("--downgrade", options->downgrade, "Also to an older version");
  auto* removing = plugin.add_subcommand("remove", "Stop a plugin that was installed, and forget it; its tables stay");
  auto removed = on_chosen<Options>(*removing, program, remove);
  removing->add_option("id", removed->id, "The plugin's id")->type_name("ID")->required();
  add_client_options(*removing, removed->client);
  add_json_option(*removing, removed->json);
  removing->footer("Example:\n  atrium plugin remove notes");
}

}  // namespace kernel::cli
