#pragma once
// The packages that this node holds: DATA/plugins.
//
//   ID-VERSION-SHA256.atp    as it came, signature and all
//   installed.json           {"ID": "ID-VERSION-SHA256.atp"}: those in use
//   unpacked/                made anew at every start
#include "packages/package.hpp"
#include "plugins/loader.hpp"

#include <filesystem>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace kernel::packages {

/// Says which file cannot be written.
class StorageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Not thread-safe: whoever changes plugins takes turns. Everything throws PackageError, and what writes StorageError.
class Installed {
 public:
  Installed(const std::filesystem::path& data, Trust trust);

  struct Unpacked {
    std::string id;
    plugins::Source source;
    std::string fault;  ///< why it cannot be used; empty: it can
  };
  /// Those in use, each verified and unpacked anew: what changed on the disk since it was installed is not run.
  std::vector<Unpacked> unpack_all() const;

  const Trust& trust() const { return trust_; }
  /// Of the package in use; nullopt: there is none.
  std::optional<std::string> sha256(const std::string& id) const;
  std::vector<std::string> ids() const;
  /// Into a folder of its own; not in use yet.
  plugins::Source unpack(const Package& package) const;
  /// In use from now on, at every start. On the disk when it returns. Throws StorageError, and nothing has changed.
  void use(const Package& package);
  void remove(const std::string& id);

 private:
  void store(const std::map<std::string, std::string>& in_use);

  const std::filesystem::path directory_;
  const Trust trust_;
  std::map<std::string, std::string> in_use_;  ///< id -> file
};

}  // namespace kernel::packages
