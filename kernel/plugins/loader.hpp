#pragma once
// From plugin.json and ID.so to a plugin's table. Only loader.cpp includes Boost.DLL.
#include "plugins/manifest.hpp"

#include <atrium/abi.h>

#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>

namespace kernel::plugins {

/// Says which file is refused, and why.
class LoadError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Where a plugin lies, and what its code must be.
struct Source {
  std::filesystem::path folder;
  std::string sha256;  ///< of ID.so, in hex, as somebody verified it; empty: whatever lies there
};

/// A loaded shared object. Held by everything that can still call into it.
class Library {
 public:
  /// What happens with the code when the last holder is gone. Thread-locals, unique symbols and thread-specific
  /// destructors make unloading unsafe in general, so it is off unless somebody knows better.
  enum class AtEnd : std::uint8_t { park, unload };

  /// Checks folder/ID.so before and after loading it, against the manifest. What was verified is loaded from a sealed
  /// copy: nobody can change it between the check and the load. Throws LoadError.
  static std::shared_ptr<Library> load(const Source& source, const Manifest& manifest, AtEnd at_end = AtEnd::park);
  ~Library();
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;
  const atrium_plugin& plugin() const { return *plugin_; }

 private:
  class Object;
  Library(std::unique_ptr<Object> object, const atrium_plugin* plugin, AtEnd at_end);
  std::unique_ptr<Object> object_;
  const atrium_plugin* plugin_;
  AtEnd at_end_;
};

/// The checks that need none of the plugin's code to run. Throws LoadError.
void check_shared_object(const std::filesystem::path& folder, const std::filesystem::path& file);
/// Size, ABI minor, id and version of a table against the manifest. Throws LoadError.
void check_table(const atrium_plugin* table, const Manifest& manifest);

}  // namespace kernel::plugins
