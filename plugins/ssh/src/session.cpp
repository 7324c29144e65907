#include "session.hpp"

#include "rules.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>

namespace ssh {

namespace {

constexpr std::string_view slug_prefix = "ssh-", type_prefix = "/problems/ssh-";

constexpr std::array host_key_algorithms{"ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384",
                                         "ecdsa-sha2-nistp521", "ssh-rsa"};

std::string_view algorithm_of(int type) {
  switch (type) {
    case LIBSSH2_HOSTKEY_TYPE_ED25519:
      return "ssh-ed25519";
    case LIBSSH2_HOSTKEY_TYPE_ECDSA_256:
      return "ecdsa-sha2-nistp256";
    case LIBSSH2_HOSTKEY_TYPE_ECDSA_384:
      return "ecdsa-sha2-nistp384";
    case LIBSSH2_HOSTKEY_TYPE_ECDSA_521:
      return "ecdsa-sha2-nistp521";
    case LIBSSH2_HOSTKEY_TYPE_RSA:
      return "ssh-rsa";
    default:
      return "unknown";
  }
}

/// libssh2 and its cryptography are set up once, before the first session.
void set_up() {
  static const int status = libssh2_init(0);
  if (status != 0) throw atrium::problem_for(ATRIUM_E_INTERNAL, "libssh2 cannot be set up");
}

}  // namespace

atrium::Problem trouble(int status, std::string_view reason, std::string title, std::string detail) {
  std::string slug(slug_prefix);
  for (const char c : reason) slug += c == '_' ? '-' : c;
  return {status, std::move(slug), std::move(title), std::move(detail)};
}
std::string reason_of(const atrium::Problem& problem) {
  if (!problem.type.starts_with(type_prefix)) return {};
  std::string reason = problem.type.substr(type_prefix.size());
  std::replace(reason.begin(), reason.end(), '-', '_');
  return reason;
}

Session::Session(const atrium::Host& host, atrium::Socket socket, atrium::Cancellation stop)
    : host_(&host), socket_(std::move(socket)), stop_(std::move(stop)) {
  set_up();
  raw_ = libssh2_session_init_ex(nullptr, nullptr, nullptr, this);
  if (!raw_) throw atrium::problem_for(ATRIUM_E_INTERNAL, "libssh2 has no memory for a session");
  libssh2_session_set_blocking(raw_, 0);
}

Session::~Session() {
  libssh2_session_disconnect_ex(raw_, SSH_DISCONNECT_BY_APPLICATION, "", "");
  // From here on nothing can be sent, so that libssh2 has nothing to wait for.
  ::shutdown(socket_.descriptor(), SHUT_RDWR);
  for (int attempts = 0; attempts < 16 && libssh2_session_free(raw_) == LIBSSH2_ERROR_EAGAIN; ++attempts) {
  }
}

atrium::Async<void> Session::wait(Deadline deadline) const {
  const auto left = deadline.left();
  if (left.count() <= 0) throw atrium::problem_for(ATRIUM_E_TIMEOUT, "It took too long.");
  auto waiting = atrium::ready(*host_, socket_, is_sending() ? atrium::Ready::write : atrium::Ready::read, left,
                               heeds_stop_ ? std::optional(stop_) : std::nullopt);
  co_await waiting;
}

atrium::Async<void> Session::handshake(std::string pinned_algorithm, Deadline deadline) {
  std::string preferred = std::move(pinned_algorithm);
  for (const auto* algorithm : host_key_algorithms)
    if (preferred != algorithm) preferred.append(preferred.empty() ? "" : ",").append(algorithm);
  libssh2_session_method_pref(raw_, LIBSSH2_METHOD_HOSTKEY, preferred.c_str());
  auto shaking = drive([this] { return libssh2_session_handshake(raw_, socket_.descriptor()); }, deadline);
  const int status = co_await shaking;
  if (status == 0) co_return;
  if (status == LIBSSH2_ERROR_KEX_FAILURE || status == LIBSSH2_ERROR_METHOD_NONE)
    throw trouble(502, "no_common_algorithm", "The server and Atrium have no algorithm in common",
                  "If it has an RSA host key only, that is the cause: libssh2 1.10 knows RSA with SHA-1 alone, which "
                  "OpenSSH 8.8 and later refuse. Give the server an ed25519 host key: ssh-keygen -t ed25519 -N '' -f "
                  "/etc/ssh/ssh_host_ed25519_key, and restart sshd. (" +
                      last_error() + ")");
  throw trouble(
      502, "protocol_error", "The server does not speak SSH as it should",
      "No SSH connection came about: " + last_error() + ". A server that is overloaded drops connections so.");
}

HostKey Session::host_key() const {
  std::size_t length = 0;
  int type = LIBSSH2_HOSTKEY_TYPE_UNKNOWN;
  libssh2_session_hostkey(raw_, &length, &type);
  const char* hash = libssh2_hostkey_hash(raw_, LIBSSH2_HOSTKEY_HASH_SHA256);
  if (!hash)
    throw trouble(502, "protocol_error", "The server does not speak SSH as it should", "It showed no host key.");
  return {std::string(algorithm_of(type)), fingerprint_of(std::string_view(hash, 32))};
}

std::string Session::banner() const {
  const char* text = libssh2_session_banner_get(raw_);
  std::string shown;
  for (const char* c = text ? text : ""; *c && shown.size() < 200; ++c)
    if (*c >= ' ' && *c < 0x7f) shown += *c;
  return shown;
}

std::string Session::last_error() const {
  char* text = nullptr;
  int length = 0;
  libssh2_session_last_error(raw_, &text, &length, 0);
  return text && length > 0 ? std::string(text, static_cast<std::size_t>(length)) : "no reason given";
}

}  // namespace ssh
