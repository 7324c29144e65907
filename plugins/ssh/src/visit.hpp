#pragma once
// The way to a machine, step by step: its door, its key, signing in. Nothing is said about the user before the key is
// known to be the pinned one, nor is a secret taken.
#include "authentication.hpp"
#include "places.hpp"

#include <atrium/vault.hpp>

namespace ssh {

/// A connected session that keeps its place at the machine's door until it has signed in.
class Visit {
 public:
  Visit(const atrium::Host& host, const atrium::Services& services, const Connection& connection,
        std::string agent_socket, atrium::Cancellation stop)
      : host_(&host),
        services_(&services),
        connection_(connection),
        agent_socket_(std::move(agent_socket)),
        stop_(std::move(stop)) {}

  /// Up to the host key.
  atrium::Async<HostKey> greet(Doors& doors);
  /// Throws unless the key is the pinned one.
  static void require_known(const Connection& connection, const HostKey& key);
  atrium::Async<void> sign_in();
  Session& session() { return *session_; }

 private:
  atrium::Async<atrium::Socket> dial(Deadline deadline) const;
  atrium::Async<Credentials> credentials() const;
  atrium::Async<std::string> take_secret(std::string reference) const;
  std::chrono::milliseconds patience() const { return std::chrono::seconds(connection_.connect_timeout_seconds); }

  const atrium::Host* host_;
  const atrium::Services* services_;
  const Connection connection_;
  const std::string agent_socket_;
  const atrium::Cancellation stop_;
  std::optional<Doors::Pass> pass_;
  std::optional<Deadline> deadline_;
  std::unique_ptr<Session> session_;
};

}  // namespace ssh
