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
  /// `object` names the bytes, anew each time, so that removing what was before never hits what is.
  struct Entry {
    std::string sha256, object;
  };

  SharedPackages(storage::Database& database, storage::Objects& objects) : database_(database), objects_(objects) {}

  /// By plugin id.
  std::map<std::string, Entry> list() const;
  std::optional<Entry> find(const std::string& id) const;
  /// The package's file, as somebody put it: to be verified. StorageError too where it is not there.
  std::string read(const Entry& entry) const;
  /// The bytes; nobody installs them before set().
  Entry put(const Package& package);
  /// In one transaction with its audit row and the event that the other nodes wait for. nullopt: installed no more.
  void set(const storage::Actor& actor, const std::string& action, const std::string& id,
           const std::optional<Entry>& entry);
  /// Removes the bytes of what is installed no more. Best effort: sweep() takes what is left.
  void drop(const Entry& entry);
  /// Removes bytes that no row names, and that have had a day to be named.
  void sweep();

 private:
  storage::Database& database_;
  storage::Objects& objects_;
};

}  // namespace kernel::packages
