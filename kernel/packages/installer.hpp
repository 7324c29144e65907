#pragma once
// Plugins of others: installed, upgraded and removed while the kernel runs, on this node and all others.
#include "packages/package_folder.hpp"
#include "packages/shared_packages.hpp"
#include "plugins/manager.hpp"
#include "storage/database.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace kernel::packages {

/// Of the plugins that are installed, what this node has come to hold.
struct Held {
  std::vector<plugins::Addition> plugins;     ///< all of them, with their faults
  std::map<std::string, std::string> sha256;  ///< of the packages of those without a fault, by plugin id
};
/// Before plugins start: verifies and unpacks them anew, and fetches those that are not here as they should be.
Held catch_up(const PackageFolder& folder, const SharedPackages& shared);

/// Thread-safe: each change waits for its turn, and may take seconds.
class Installer {
 public:
  /// They outlive this object.
  struct Parts {
    plugins::Manager& manager;
    const PackageFolder& folder;
    SharedPackages& shared;
    storage::Database& database;
  };
  Installer(Parts parts, std::map<std::string, std::string> held) : parts_(parts), held_(std::move(held)) {}

  /// These three throw atrium::Problem: 409 where it cannot be, with the reason; or StorageError. The transaction that
  /// changes the row is the last thing that can fail, and nothing is left of what did not succeed.
  plugins::Status install(const Package& package, const storage::Actor& actor);
  plugins::Status upgrade(const Package& package, const storage::Actor& actor, bool downgrade);
  void remove(const std::string& id, const storage::Actor& actor);

  /// Does what was done on other nodes. What does not succeed is logged and shown as failed, and tried again later
  /// unless the package itself is at fault. One call at a time.
  void follow();

 private:
  struct Trouble {
    std::string sha256, reason;
    std::chrono::seconds pause{0};
    std::chrono::steady_clock::time_point again;
  };

  plugins::Status run(const Package& package, const std::function<void()>& keep);
  void keep(const Package& package, const storage::Actor& actor, const std::string& action);
  void do_what_others_did();
  void bring(const std::string& id, const SharedPackages::Entry& entry);
  void forget(const std::string& id);
  void note(const std::string& id, const std::string& sha256, const std::string& reason, bool for_good);

  const Parts parts_;
  std::mutex turn_;
  std::map<std::string, std::string> held_;  ///< plugin id -> the SHA-256 of the package that is in use here
  std::map<std::string, Trouble> trouble_;   ///< of packages that did not come to run here
  bool swept_ = false;                       ///< follow()'s alone
};

}  // namespace kernel::packages
