#pragma once
// What one plugin sees of the kernel: an atrium_host and its interface tables, made for that plugin alone.
#include "auth/signed_links.hpp"
#include "auth/token_issuer.hpp"
#include "auth/vault_keys.hpp"
#include "egress/client.hpp"
#include "events/log.hpp"
#include "jobs/jobs.hpp"
#include "observability/metrics.hpp"
#include "plugins/services.hpp"
#include "routing/route.hpp"
#include "settings/registry.hpp"
#include "storage/database.hpp"
#include "storage/objects.hpp"

#include <atrium/abi.h>

#include <nlohmann/json.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace kernel::abi {

/// The parts of the kernel that the boundary speaks to.
struct Parts {
  storage::Database& database;
  events::Log& events;
  jobs::Jobs& jobs;
  egress::Client& egress;
  plugins::Services& services;
  observability::Metrics& metrics;
  auth::TokenIssuer& tokens;
  const auth::SignedLinks& links;
  auth::VaultKeys& vault;
  storage::Objects& objects;
  settings::Registry& settings;
};

/// What its manifest was granted.
struct Grants {
  bool egress_user = false, egress_operator = false;
  egress::Hosts egress_hosts;
  bool keys = false;                                 ///< it may wrap its keys under the master key
  std::vector<std::string> environment;              ///< variables it may read
  std::vector<std::string> interfaces;               ///< ids of the tables it may get; empty: every one
  std::optional<std::vector<std::string>> routes;    ///< paths, each with those below; nullopt: every one
  std::optional<std::vector<std::string>> provides;  ///< services, "kind/*" among them; nullopt: every one
  std::map<std::string, std::string> metadata;       ///< of services whose manifest says it: service -> JSON
};

class Host {
 public:
  /// `lease` is put into everything that can still call the plugin. `configuration`: the table [plugin.ID].
  Host(Parts parts, std::string owner, Grants grants, nlohmann::json configuration, std::shared_ptr<void> lease);
  ~Host();
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;
  const atrium_host* handle() const;
  /// The routes declared in start(), to be put into the table in one step.
  std::vector<routing::Route> take_routes();
  /// Runs a call into the plugin as one that revoke() waits for and a crash names. False: revoked, it did not run.
  bool run(const std::function<void()>& call);
  /// Ends its subscriptions and timers while its routes and services go on: another instance is about to take over.
  void stand_back();
  /// After its routes were withdrawn or taken over: withdraws its services, and waits until no request or call is left
  /// that the plugin has to answer. False: some are.
  bool drain(std::chrono::milliseconds patience);
  /// Ends subscriptions, timers, services and requests; after it no call into the plugin begins. Waits for running
  /// ones. False: some run even now, so the plugin must not be destroyed. Not to be called from within a call into it.
  bool revoke(std::chrono::milliseconds patience = std::chrono::seconds(10));

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kernel::abi
