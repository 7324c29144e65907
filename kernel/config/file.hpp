#pragma once
// The TOML file as flat entries; only file.cpp includes toml++.
#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace kernel::config {

struct FileEntry {
  std::string name;  ///< "http.listen"; for a plugin's table "plugin.ID"
  nlohmann::json value;
  int line = 0;
};

/// Throws ConfigError when the file cannot be read or is no TOML.
std::vector<FileEntry> read_file(const std::string& path);

}  // namespace kernel::config
