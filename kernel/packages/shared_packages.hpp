#pragma once
#include "packages/package.hpp"
#include "storage/database.hpp"
#include "storage/objects.hpp"

#include <map>
#include <optional>
#include <string>

namespace kernel::packages {

/// The packages that are installed on every node of one database: a row for each, its bytes in the object store. From
/// any thread; waits. What the database says throws atrium::Problem, what the store says StorageError.
class SharedPackages {
 public:
  SharedPackages(storage::Database& database, storage::Objects& objects) : database_(database), objects_(objects) {}

  /// Plugin id -> the SHA-256 of its package.
  std::map<std::string, std::string> list() const;
  std::optional<std::string> find(const std::string& id) const;
  /// The package's file, as somebody put it: to be verified. StorageError too where there is none.
  std::string read(const std::string& sha256) const;
  /// The bytes; nobody installs them before set().
  void put(const Package& package);
  /// In one transaction with its audit row and the event that the other nodes wait for. nullopt: installed no more.
  void set(const storage::Actor& actor, const std::string& action, const std::string& id,
           const std::optional<std::string>& sha256);
  /// Removes the bytes, where no plugin's row names them. Best effort.
  void drop(const std::string& sha256);

 private:
  storage::Database& database_;
  storage::Objects& objects_;
};

}  // namespace kernel::packages
