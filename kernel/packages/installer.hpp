#pragma once
// Plugins of others: installed, upgraded and removed while the kernel runs, on this node and all others.
#include "packages/installed.hpp"
#include "packages/shared_packages.hpp"
#include "plugins/manager.hpp"
#include "storage/database.hpp"

#include <map>
#include <mutex>
#include <string>

namespace kernel::packages {

/// Before plugins start: has this node hold the packages that are installed. What cannot be had is logged, and what is
/// here is used.
void catch_up(Installed& installed, const SharedPackages& shared);

/// Thread-safe: each change waits for its turn, and may take seconds.
class Installer {
 public:
  /// They outlive this object.
  struct Parts {
    plugins::Manager& manager;
    Installed& installed;
    SharedPackages& shared;
    storage::Database& database;
  };
  explicit Installer(Parts parts) : parts_(parts) {}

  /// These three throw atrium::Problem: 409 where it cannot be, with the reason; or StorageError. Nothing is left of
  /// what did not succeed.
  plugins::Status install(const Package& package, const storage::Actor& actor);
  plugins::Status upgrade(const Package& package, const storage::Actor& actor, bool downgrade);
  void remove(const std::string& id, const storage::Actor& actor);

  /// Does what was done on other nodes. What does not succeed is logged, once for each package where it is the
  /// package's fault.
  void follow();

 private:
  void keep(const Package& package, const storage::Actor& actor, const std::string& action);
  void bring(const std::string& id, const std::string& sha256);

  const Parts parts_;
  std::mutex turn_;
  std::map<std::string, std::string> unfit_;  ///< plugin id -> the SHA-256 of a package that did not come to run here
};

}  // namespace kernel::packages
