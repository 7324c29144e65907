#include "config/config.hpp"

namespace kernel::config {
namespace {

constexpr std::string_view head =
    "# The configuration of Atrium: every key, commented out, with its default.\n"
    "#\n"
    "# Read only when named: atrium serve --config FILE. Each key is also a variable of the environment, which wins "
    "over\n"
    "# the file; with _FILE behind its name, the variable names a file that holds the value. Arguments win over both.\n"
    "# `atrium config check --config FILE` says what is wrong, `config show` where each value comes from.\n"
    "# Made by `atrium config sample`.\n";

constexpr std::string_view tail =
    "\n# Whatever a plugin lets its operator set stands in a table of its own; its README names the keys.\n"
    "# [plugin.ID]\n"
    "# key = \"value\"\n";

}  // namespace

std::string sample_file() {
  std::string text(head), section;
  const Config defaults;
  for (const auto& key : keys()) {
    const auto dot = key.name.rfind('.');
    if (const auto of = std::string(key.name.substr(0, dot)); of != section) {
      section = of;
      text += "\n[" + section + "]\n";
    } else {
      text += "\n";
    }
    const auto name = std::string(key.name.substr(dot + 1));
    text += "# " + std::string(key.description) + "\n";
    text += "# " + environment_name(key) + (key.live ? " (SIGHUP rereads it)\n" : "\n");
    const bool list = value_of(key, defaults).is_array();
    if (!key.example.empty()) {
      const auto example = "\"" + std::string(key.example) + "\"";
      text += "# For example: " + name + " = " + (list ? "[" + example + "]" : example) + "\n";
    }
    // JSON's strings, numbers, booleans and arrays of strings are TOML too.
    text += "# " + name + " = " + value_of(key, defaults).dump() + "\n";
  }
  return text + std::string(tail);
}

}  // namespace kernel::config
