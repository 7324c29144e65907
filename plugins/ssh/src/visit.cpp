#include "visit.hpp"

namespace ssh {

using atrium::Async;
using atrium::Problem;

namespace {

constexpr std::chrono::seconds patience_at_the_door{30};

/// What a failed wait or dial means to whoever asked for this connection.
Problem on_the_way(const Problem& problem, const Connection& connection) {
  const auto where = connection.hostname + " port " + std::to_string(connection.port);
  if (problem.status == 504)
    return trouble(504, "timeout", "The server did not answer in time",
                   where + " took longer than " + std::to_string(connection.connect_timeout_seconds) +
                       " s (connect_timeout_seconds) to connect and sign in.");
  if (problem.status == 403)
    return trouble(403, "address_refused", "This address is not allowed", where + ": " + problem.what());
  if (problem.status == 503 && reason_of(problem).empty())
    return trouble(502, "unreachable", "The server cannot be reached", where + ": " + problem.what());
  return problem;
}

}  // namespace

Async<HostKey> Visit::greet(Doors& doors) {
  auto entering = doors.pass(connection_.endpoint(), patience_at_the_door, stop_);
  pass_.emplace(co_await entering);
  deadline_.emplace(patience());
  std::optional<Problem> failed;
  try {
    auto dialling = dial(*deadline_);
    session_ = std::make_unique<Session>(*host_, co_await dialling, stop_);
    auto shaking = session_->handshake(connection_.host_key_algorithm.value_or(""), *deadline_);
    co_await shaking;
    co_return session_->host_key();
  } catch (const Problem& problem) {
    failed = on_the_way(problem, connection_);
  }
  throw *failed;
}

Async<atrium::Socket> Visit::dial(Deadline deadline) const {
  atrium::DialRequest request;
  request.host = connection_.hostname;
  request.port = static_cast<int>(connection_.port);
  request.connect_timeout = std::max(deadline.left(), std::chrono::milliseconds(1));
  request.operator_trusts = true;
  request.cancellation = stop_;
  auto dialling = atrium::dial(*host_, std::move(request));
  co_return co_await dialling;
}

void Visit::require_known(const Connection& connection, const HostKey& key) {
  if (!connection.host_key)
    throw trouble(409, "unknown_host_key", "The server's host key is not known yet",
                  "It shows " + key.fingerprint + " (" + key.algorithm +
                      "). Compare it with the server's own: ssh-keygen -lf /etc/ssh/ssh_host_..._key.pub. If it is the "
                      "same, pin it: POST /ssh-connections/{id}/test with {\"confirm_fingerprint\": \"" +
                      key.fingerprint + "\"}.");
  if (*connection.host_key != key.fingerprint)
    throw trouble(409, "host_key_changed", "The server's host key has changed",
                  "Pinned is " + *connection.host_key + ", the server shows " + key.fingerprint + " (" + key.algorithm +
                      "). Somebody may be listening in. Nothing was sent. If the change is the operator's own, pin the "
                      "new key: POST /ssh-connections/{id}/test with it as confirm_fingerprint.");
}

Async<void> Visit::sign_in() {
  std::optional<Problem> failed;
  try {
    auto taking = credentials();
    const Credentials held = co_await taking;
    auto signing_in = authenticate(*session_, held, *deadline_);
    co_await signing_in;
  } catch (const Problem& problem) {
    failed = on_the_way(problem, connection_);
  }
  pass_.reset();
  if (failed) throw *failed;
}

Async<Credentials> Visit::credentials() const {
  Credentials held;
  held.method = connection_.auth_method;
  held.username = connection_.username;
  held.agent_socket = agent_socket_;
  if (held.method == AuthMethod::agent) co_return std::move(held);
  if (!connection_.secret)
    throw trouble(409, "no_secret", "There is nothing to sign in with",
                  "Name the vault's secret that holds the " +
                      std::string(held.method == AuthMethod::password ? "password" : "private key") + " in secret.");
  auto taking = take_secret(*connection_.secret);
  held.secret = co_await taking;
  if (held.method == AuthMethod::private_key && connection_.passphrase_secret) {
    auto opening = take_secret(*connection_.passphrase_secret);
    held.passphrase = co_await opening;
  }
  co_return std::move(held);
}

Async<std::string> Visit::take_secret(std::string reference) const {
  std::optional<Problem> failed;
  try {
    auto taking = atrium::vault::take(*services_, reference);
    atrium::VaultValue taken = co_await taking;
    co_return std::move(taken.value);
  } catch (const Problem& problem) {
    failed = problem;
  }
  throw trouble(409, "secret_unavailable", "The secret cannot be used",
                "The secret " + reference + ": " + failed->what());
}

}  // namespace ssh
