#pragma once
// Signing in, once the host key is known to be the pinned one.
#include "connection.hpp"
#include "session.hpp"

namespace ssh {

/// What a connection signs in with, taken from the vault for this moment only.
struct Credentials {
  AuthMethod method = AuthMethod::agent;
  std::string username;
  std::string secret, passphrase;
  std::string agent_socket;

  Credentials() = default;
  Credentials(Credentials&&) = default;
  ~Credentials();
};

/// Throws the trouble that says why not, and what to do.
atrium::Async<void> authenticate(Session& session, const Credentials& credentials, Deadline deadline);

}  // namespace ssh
