#include "config/config.hpp"
#include "config/file.hpp"

#include <unistd.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <map>
#include <numeric>
#include <variant>
#include <vector>

namespace kernel::config {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t longest_value_file = 64 * 1024;

const Key* find_key(std::string_view name) {
  const auto all = keys();
  const auto found = std::find_if(all.begin(), all.end(), [&](const Key& key) { return key.name == name; });
  return found == all.end() ? nullptr : &*found;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (std::size_t i = 0; i < a.size(); ++i) {
    auto diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const auto replaced = diagonal + (a[i] != b[j]);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

std::string suggestion(std::string_view unknown) {
  const Key* nearest = nullptr;
  std::size_t distance = 5;
  for (const auto& key : keys()) {
    if (const auto d = edit_distance(unknown.substr(0, 64), key.name); d < distance) {
      nearest = &key;
      distance = d;
    }
  }
  if (nearest) return "; did you mean `" + std::string(nearest->name) + "`?";
  return "; `atrium config show` lists the keys";
}

std::string type_name(const Slot& slot) {
  static constexpr const char* names[] = {"a string", "an integer", "`true` or `false`", "a list of strings"};
  return names[slot.index()];
}

std::string type_name(const nlohmann::json& value) {
  if (value.is_string()) return "a string";
  if (value.is_number_integer()) return "an integer";
  if (value.is_number()) return "a float";
  if (value.is_boolean()) return "a boolean";
  if (value.is_array()) return "a list";
  return "a table";
}

bool assign(const Slot& slot, const nlohmann::json& value) {
  return std::visit(
      [&](auto* target) {
        using Type = std::decay_t<decltype(*target)>;
        if constexpr (std::is_same_v<Type, bool>) {
          if (!value.is_boolean()) return false;
        } else if constexpr (std::is_same_v<Type, std::int64_t>) {
          if (!value.is_number_integer()) return false;
        } else if constexpr (std::is_same_v<Type, std::string>) {
          if (!value.is_string()) return false;
        } else {
          const auto is_string = [](const nlohmann::json& member) { return member.is_string(); };
          if (!value.is_array() || !std::all_of(value.begin(), value.end(), is_string)) return false;
        }
        *target = value.template get<Type>();
        return true;
      },
      slot);
}

/// Text from the environment or an argument as the key's type; null when it is none.
nlohmann::json from_text(const Slot& slot, const std::string& text) {
  if (std::holds_alternative<std::string*>(slot)) return text;
  if (std::holds_alternative<bool*>(slot)) {
    if (text == "true" || text == "1") return true;
    if (text == "false" || text == "0") return false;
    return nullptr;
  }
  if (std::holds_alternative<std::int64_t*>(slot)) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) return nullptr;
    return number;
  }
  auto list = nlohmann::json::array();
  for (std::size_t begin = 0; begin <= text.size();) {
    const auto comma = std::min(text.find(',', begin), text.size());
    const auto first = text.find_first_not_of(' ', begin);
    const auto last = text.find_last_not_of(' ', comma == 0 ? 0 : comma - 1);
    if (first < comma && last != std::string::npos && last >= first)
      list.push_back(text.substr(first, last - first + 1));
    begin = comma + 1;
  }
  return list;
}

class Loader {
 public:
  explicit Loader(const Inputs& inputs) : inputs_(inputs) {}

  Loaded run() {
    for (const auto& key : keys()) loaded_.sources[std::string(key.name)] = "default";
    if (!inputs_.file.empty()) read_from_file();
    read_environment();
    for (const auto& [name, text] : inputs_.arguments) set_text(*find_key(name), text, "argument");
    check_values();
    if (faults_.empty()) {
      check_together();
      resolve();
    }
    if (!faults_.empty()) throw ConfigError(std::move(faults_));
    return std::move(loaded_);
  }

 private:
  Slot slot(const Key& key) { return key.slot(loaded_.config); }
  std::string& source(std::string_view name) { return loaded_.sources[std::string(name)]; }

  void read_from_file() {
    for (auto& entry : read_file(inputs_.file)) {
      const auto place = inputs_.file + ":" + std::to_string(entry.line);
      if (entry.name.starts_with("plugin.")) {
        if (entry.value.is_object()) {
          loaded_.config.plugin[entry.name.substr(7)] = std::move(entry.value);
          source(entry.name) = place;
        } else {
          faults_.push_back(place + ": `" + entry.name +
                            "`: expected a table [plugin.ID] with the plugin's keys, got " + type_name(entry.value));
        }
        continue;
      }
      if (const auto* key = find_key(entry.name)) {
        set(*key, entry.value, place);
      } else {
        faults_.push_back(place + ": unknown key `" + entry.name + "`" + suggestion(entry.name));
      }
    }
  }

  void read_environment() {
    std::vector<std::string> known = {"ATRIUM_URL", "ATRIUM_TOKEN"};
    for (const auto& key : keys()) {
      const auto name = environment_name(key), name_of_file = name + "_FILE";
      known.insert(known.end(), {name, name_of_file});
      const auto value = inputs_.environment.find(name), file = inputs_.environment.find(name_of_file);
      const bool has_value = value != inputs_.environment.end(), has_file = file != inputs_.environment.end();
      if (has_value && has_file) {
        faults_.push_back("environment " + name + ": " + name_of_file + " is set too; keep one of them");
      } else if (has_value) {
        set_text(key, value->second, "environment " + name);
      } else if (has_file) {
        set_from_value_file(key, file->second, "environment " + name_of_file);
      }
    }
    for (const auto& [name, value] : inputs_.environment) {
      if (name.starts_with("ATRIUM_") && std::find(known.begin(), known.end(), name) == known.end()) {
        loaded_.warnings.push_back("environment " + name + ": no key of the configuration has this name");
      }
    }
  }

  void set_from_value_file(const Key& key, const std::string& path, const std::string& from) {
    std::ifstream file(path, std::ios::binary);
    std::string text;
    text.resize(longest_value_file + 1);
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (!file.eof() || file.gcount() == 0) {
      faults_.push_back(from + ": cannot read a value of at most 64 KiB from `" + path + "`");
      return;
    }
    text.resize(static_cast<std::size_t>(file.gcount()));
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
    set_text(key, text, from);
  }

  void set_text(const Key& key, const std::string& text, const std::string& from) {
    set(key, from_text(slot(key), text), from);
  }

  void set(const Key& key, const nlohmann::json& value, const std::string& from) {
    source(key.name) = from;
    if (assign(slot(key), value)) return;
    const auto got = value.is_null() ? std::string() : ", got " + type_name(value);
    faults_.push_back(from + ": `" + std::string(key.name) + "`: expected " + type_name(slot(key)) + got);
  }

  void check_values() {
    for (const auto& key : keys()) {
      const auto expected = key.expected ? key.expected(slot(key)) : std::string();
      if (expected.empty()) continue;
      faults_.push_back(source(key.name) + ": `" + std::string(key.name) + "`: expected " + expected);
    }
  }

  void check_together() {
    const auto& http = loaded_.config.http;
    if (http.tls_certificate.empty() != http.tls_key.empty()) {
      const auto* given = http.tls_key.empty() ? "http.tls_certificate" : "http.tls_key";
      const auto* missing = http.tls_key.empty() ? "http.tls_key" : "http.tls_certificate";
      faults_.push_back(source(given) + ": `" + given + "` is set without `" + missing + "`; TLS needs both");
    }
    if (http.tls_certificate.empty() && !http.behind_proxy && !is_loopback(parse_host_port(http.listen).host)) {
      faults_.push_back(source("http.listen") + ": `http.listen`: " + http.listen +
                        " can be reached from other machines, and passwords would travel in the clear; set "
                        "http.tls_certificate and http.tls_key, or http.behind_proxy = true when a proxy ends TLS");
    }
  }

  void resolve() {
    auto& config = loaded_.config;
    auto directory = fs::absolute(config.data.directory).lexically_normal();
    if (!directory.has_filename()) directory = directory.parent_path();
    config.data.directory = directory.string();
    for (auto* url : {&config.database.url, &config.objects.url}) {
      const auto colon = url->find(':');
      if (std::string_view(*url).substr(colon + 1).starts_with("DATA/")) url->replace(colon + 1, 4, directory.string());
    }
    if (config.plugins.directory.empty()) config.plugins.directory = default_plugin_directory().string();
  }

  const Inputs& inputs_;
  Loaded loaded_;
  std::vector<std::string> faults_;
};

std::string summary(const std::vector<std::string>& faults) {
  if (faults.size() == 1) return faults.front();
  return faults.front() + " (and " + std::to_string(faults.size() - 1) + " more: `atrium config check` lists all)";
}

}  // namespace

ConfigError::ConfigError(std::vector<std::string> faults)
    : std::runtime_error(summary(faults)), faults_(std::move(faults)) {}

Loaded load(const Inputs& inputs) { return Loader(inputs).run(); }

std::map<std::string, std::string> process_environment() {
  std::map<std::string, std::string> variables;
  for (char** entry = environ; entry && *entry; ++entry) {
    const std::string_view text(*entry);
    if (const auto equals = text.find('='); equals != std::string_view::npos) {
      variables.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
  }
  return variables;
}

}  // namespace kernel::config
