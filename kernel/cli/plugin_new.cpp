// new: a plugin that builds, passes its own test and can be installed.
#include "cli/failure.hpp"
#include "cli/plugin_commands.hpp"
#include "cli/plugin_template.hpp"
#include "plugins/manifest.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <utility>

namespace kernel::cli {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::string id, language = "c++";
};

/// "todo-list" as "TodoList" with nothing between the words, as "Todo list" with a space.
std::string capitalised(const std::string& id, bool each_word, std::string_view between) {
  std::string text;
  bool first = true;
  for (const char c : id) {
    if (c == '-') {
      text += between;
      first = each_word;
    } else {
      text += first ? static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c) : c;
      first = false;
    }
  }
  return text;
}

std::string filled_in(std::string_view text, const std::string& id) {
  auto table = id;
  std::replace(table.begin(), table.end(), '-', '_');
  std::string result(text);
  for (const auto& [mark, value] : {std::pair<std::string_view, std::string>{"@ID@", id},
                                    {"@TABLE@", table},
                                    {"@CLASS@", capitalised(id, true, "")},
                                    {"@NAME@", capitalised(id, false, " ")}})
    for (auto at = result.find(mark); at != result.npos; at = result.find(mark, at + value.size()))
      result.replace(at, mark.size(), value);
  return result;
}

int make(const Options& options) {
  if (!plugins::valid_slug(options.id) || options.id == "kernel")
    throw Failure("`" + options.id + "` is no id for a plugin: lower-case letters, digits and single hyphens");
  const fs::path folder = options.id;
  if (fs::exists(fs::symlink_status(folder)))
    throw Failure("there is something named " + options.id + " here already; choose another id or another folder");
  bool found = false;
  for (const auto& file : plugin_template()) {
    if (file.language != options.language) continue;
    found = true;
    const auto path = folder / filled_in(file.path, options.id);
    fs::create_directories(path.parent_path());
    std::ofstream out(path);
    out << filled_in(file.content, options.id);
    if (!out.flush()) throw Failure("cannot write " + path.string());
  }
  if (!found) throw Failure("there is no template in " + options.language);
  std::cout << options.id << "/ holds a plugin; its README.md says how to build, test and install it.\n";
  return 0;
}

}  // namespace

void add_plugin_new(CLI::App& plugin, Program& program) {
  auto* command = plugin.add_subcommand("new", "Write a plugin that builds, passes its own test and can be installed");
  auto options = on_chosen<Options>(*command, program, make);
  command->add_option("id", options->id, "Its id, and the name of its folder")->type_name("ID")->required();
  command->add_option("--language", options->language, "What it is written in")
      ->check(CLI::IsMember({"c++", "c", "rust"}))
      ->capture_default_str();
  command->footer("Example:\n  atrium plugin new todo-list");
}

}  // namespace kernel::cli
