#include "config/file.hpp"

#include "config/config.hpp"

#include <toml++/toml.h>

#include <algorithm>
#include <sstream>

namespace kernel::config {
namespace {

nlohmann::json to_json(const toml::node& node) {
  return node.visit([](const auto& value) -> nlohmann::json {
    using Type = std::decay_t<decltype(value)>;
    if constexpr (std::is_same_v<Type, toml::table>) {
      auto object = nlohmann::json::object();
      for (const auto& [key, member] : value) object[std::string(key.str())] = to_json(member);
      return object;
    } else if constexpr (std::is_same_v<Type, toml::array>) {
      auto array = nlohmann::json::array();
      for (const auto& member : value) array.push_back(to_json(member));
      return array;
    } else if constexpr (toml::is_string<Type> || toml::is_integer<Type> || toml::is_floating_point<Type> ||
                         toml::is_boolean<Type>) {
      return value.get();
    } else {
      std::ostringstream text;
      text << value;
      return text.str();
    }
  });
}

void flatten(const toml::table& table, const std::string& prefix, std::vector<FileEntry>& entries) {
  for (const auto& [key, node] : table) {
    const auto name = prefix + std::string(key.str());
    const auto* child = node.as_table();
    if (child && prefix != "plugin.") {
      flatten(*child, name + ".", entries);
    } else {
      entries.push_back({name, to_json(node), static_cast<int>(node.source().begin.line)});
    }
  }
}

}  // namespace

std::vector<FileEntry> read_file(const std::string& path) {
  try {
    std::vector<FileEntry> entries;
    flatten(toml::parse_file(path), "", entries);
    std::stable_sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.line < b.line; });
    return entries;
  } catch (const toml::parse_error& error) {
    const auto line = error.source().begin.line;
    const auto place = line > 0 ? path + ":" + std::to_string(line) : path;
    throw ConfigError({place + ": cannot be read as TOML: " + std::string(error.description())});
  }
}

}  // namespace kernel::config
