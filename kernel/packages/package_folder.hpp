#pragma once
// The packages that this node holds: DATA/plugins.
//
//   ID-SHA256.atp   as it came, signature and all
//   unpacked/       made anew at every start
#include "packages/package.hpp"
#include "plugins/loader.hpp"

#include <filesystem>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>

namespace kernel::packages {

/// Says what cannot be read or written.
class StorageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Not thread-safe: whoever changes plugins takes turns.
class PackageFolder {
 public:
  PackageFolder(const std::filesystem::path& data, Trust trust);

  const Trust& trust() const { return trust_; }
  /// Verified anew: what changed on the disk is not the package any more, and nullopt as one that is not here. Throws
  /// PackageError where it is not trusted.
  std::optional<Package> find(const std::string& id, const std::string& sha256) const;
  /// On the disk when it returns. Throws StorageError.
  void put(const Package& package) const;
  /// Best effort.
  void remove(const std::string& id, const std::string& sha256) const;
  /// Forgets what was unpacked before.
  void clear_unpacked() const;
  /// Into a folder of its own. Throws PackageError.
  plugins::Source unpack(const Package& package) const;
  /// The names of the files that hold none of these ("ID-SHA256").
  std::set<std::string> others(const std::set<std::string>& packages) const;

 private:
  std::filesystem::path file_of(const std::string& id, const std::string& sha256) const;

  const std::filesystem::path directory_;
  const Trust trust_;
};

}  // namespace kernel::packages
