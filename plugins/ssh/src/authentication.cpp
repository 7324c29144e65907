#include "authentication.hpp"

#include "rules.hpp"

#include <cstring>

namespace ssh {

using atrium::Async;

namespace {

constexpr std::string_view rsa_cure =
    "libssh2 1.10 signs with RSA and SHA-1 only, which OpenSSH 8.8 and later refuse. Make an ed25519 key "
    "(ssh-keygen -t ed25519), add its .pub to ~/.ssh/authorized_keys on the server, and put the private key into the "
    "secret.";

atrium::Problem refused(const std::string& detail) {
  return trouble(502, "authentication_failed", "The server did not let Atrium in", detail);
}
atrium::Problem unusable(const std::string& detail) {
  return trouble(409, "key_unusable", "The private key cannot be used", detail);
}
unsigned size_of(const std::string& text) { return static_cast<unsigned>(text.size()); }

bool offers(std::string_view methods, std::string_view wanted) {
  while (!methods.empty()) {
    const auto comma = methods.find(',');
    if (methods.substr(0, comma) == wanted) return true;
    methods.remove_prefix(comma == methods.npos ? methods.size() : comma + 1);
  }
  return false;
}

/// Answers the one question that asks for a password; PAM asks so where "password" is off.
void answer_questions(const char*, int, const char*, int, int count, const LIBSSH2_USERAUTH_KBDINT_PROMPT* prompts,
                      LIBSSH2_USERAUTH_KBDINT_RESPONSE* responses, void** abstract) {
  const auto& password = *static_cast<const std::string*>(*abstract);
  if (count != 1 || prompts[0].echo) return;
  responses[0].text = ::strdup(password.c_str());  // libssh2 frees it
  responses[0].length = size_of(password);
}

/// The session's pointer for callbacks, for as long as this lives.
class Abstract {
 public:
  Abstract(LIBSSH2_SESSION* session, const void* value) : slot_(libssh2_session_abstract(session)), before_(*slot_) {
    *slot_ = const_cast<void*>(value);
  }
  Abstract(const Abstract&) = delete;
  ~Abstract() { *slot_ = before_; }

 private:
  void** slot_;
  void* before_;
};

Async<void> by_password(Session& session, const Credentials& credentials, std::string methods, Deadline deadline) {
  const auto& name = credentials.username;
  const auto& password = credentials.secret;
  int status = LIBSSH2_ERROR_AUTHENTICATION_FAILED;
  if (offers(methods, "password")) {
    auto signing_in = session.drive(
        [&] {
          return libssh2_userauth_password_ex(session.raw(), name.data(), size_of(name), password.data(),
                                              size_of(password), nullptr);
        },
        deadline);
    status = co_await signing_in;
  } else if (offers(methods, "keyboard-interactive")) {
    const Abstract abstract(session.raw(), &password);
    auto signing_in = session.drive(
        [&] {
          return libssh2_userauth_keyboard_interactive_ex(session.raw(), name.data(), size_of(name), &answer_questions);
        },
        deadline);
    status = co_await signing_in;
  } else {
    throw refused("The server takes no passwords, but " + methods + "; use auth_method private_key.");
  }
  if (status == LIBSSH2_ERROR_PASSWORD_EXPIRED)
    throw refused("The password has expired; sign in by hand once and change it.");
  if (status != 0) throw refused("User name or password are wrong. (" + session.last_error() + ")");
}

Async<void> by_key(Session& session, const Credentials& credentials, std::string methods, Deadline deadline) {
  const auto& key = credentials.secret;
  const auto facts = key_facts(key);
  if (!facts.fault.empty()) throw unusable(facts.fault);
  if (facts.encrypted && credentials.passphrase.empty())
    throw unusable("It is encrypted: name the secret that holds its passphrase in passphrase_secret.");
  if (!offers(methods, "publickey")) throw refused("The server takes no keys, but " + methods + ".");
  auto signing_in = session.drive(
      [&] {
        return libssh2_userauth_publickey_frommemory(session.raw(), credentials.username.data(),
                                                     credentials.username.size(), nullptr, 0, key.data(), key.size(),
                                                     credentials.passphrase.c_str());
      },
      deadline);
  const int status = co_await signing_in;
  if (status == 0) co_return;
  const auto why = " (" + session.last_error() + ")";
  if (facts.type == "ssh-rsa") throw unusable("It is an RSA key, and " + std::string(rsa_cure) + why);
  if (status == LIBSSH2_ERROR_AUTHENTICATION_FAILED || status == LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED)
    throw refused(
        "The server does not know this key for this user: add the key's .pub to the user's "
        "~/.ssh/authorized_keys there." +
        why);
  if (facts.encrypted) throw unusable("The passphrase does not open it." + why);
  throw unusable("libssh2 cannot read it; ssh-keygen -t ed25519 makes one that it can." + why);
}

/// The agent's own socket is local; its short exchanges are waited for.
class Agent {
 public:
  Agent(Session& session, const std::string& socket) : raw_(libssh2_agent_init(session.raw())) {
    if (!raw_) throw atrium::problem_for(ATRIUM_E_INTERNAL, "libssh2 has no memory for an agent");
    libssh2_agent_set_identity_path(raw_, socket.c_str());
    if (libssh2_agent_connect(raw_) == 0 && libssh2_agent_list_identities(raw_) == 0) return;
    close();
    throw trouble(409, "agent_unavailable", "There is no ssh-agent",
                  "Nothing answers at the socket that SSH_AUTH_SOCK names; start ssh-agent for the user that runs "
                  "Atrium.");
  }
  Agent(const Agent&) = delete;
  ~Agent() { close(); }

  LIBSSH2_AGENT* raw() const { return raw_; }
  std::vector<libssh2_agent_publickey*> identities() const {
    std::vector<libssh2_agent_publickey*> found, last;
    for (libssh2_agent_publickey *identity = nullptr, *before = nullptr;
         libssh2_agent_get_identity(raw_, &identity, before) == 0; before = identity)
      (is_rsa(*identity) ? last : found).push_back(identity);
    found.insert(found.end(), last.begin(), last.end());
    return found;
  }
  static bool is_rsa(const libssh2_agent_publickey& identity) {
    constexpr std::string_view rsa("\0\0\0\7ssh-rsa", 11);
    return std::string_view(reinterpret_cast<const char*>(identity.blob), identity.blob_len).starts_with(rsa);
  }

 private:
  void close() {
    libssh2_agent_disconnect(raw_);
    libssh2_agent_free(raw_);
  }
  LIBSSH2_AGENT* raw_;
};

Async<void> by_agent(Session& session, const Credentials& credentials, std::string methods, Deadline deadline) {
  constexpr std::size_t most_tries = 5;  // sshd ends the connection at six
  if (credentials.agent_socket.empty())
    throw trouble(409, "agent_unavailable", "There is no ssh-agent",
                  "SSH_AUTH_SOCK is not set where Atrium runs; start it with that of a running ssh-agent.");
  if (!offers(methods, "publickey")) throw refused("The server takes no keys, but " + methods + ".");
  const Agent agent(session, credentials.agent_socket);
  const auto identities = agent.identities();
  if (identities.empty())
    throw trouble(409, "agent_unavailable", "The ssh-agent holds no key", "Give it one: ssh-add ~/.ssh/id_ed25519");
  bool only_rsa = true;
  for (std::size_t i = 0; i < std::min(most_tries, identities.size()); ++i) {
    only_rsa = only_rsa && Agent::is_rsa(*identities[i]);
    auto signing_in = session.drive(
        [&] { return libssh2_agent_userauth(agent.raw(), credentials.username.c_str(), identities[i]); }, deadline);
    if (co_await signing_in == 0) co_return;
  }
  if (only_rsa) throw unusable("The agent holds RSA keys only, and " + std::string(rsa_cure));
  throw refused("The server knows none of the agent's keys for this user.");
}

}  // namespace

Credentials::~Credentials() {
  ::explicit_bzero(secret.data(), secret.size());
  ::explicit_bzero(passphrase.data(), passphrase.size());
}

Async<void> authenticate(Session& session, const Credentials& credentials, Deadline deadline) {
  const auto& name = credentials.username;
  char* methods = nullptr;
  auto asking = session.drive(
      [&] {
        methods = libssh2_userauth_list(session.raw(), name.data(), size_of(name));
        return methods ? 0 : libssh2_session_last_errno(session.raw());
      },
      deadline);
  const int status = co_await asking;
  if (!methods && libssh2_userauth_authenticated(session.raw())) co_return;  // it asks for nothing
  if (!methods) throw refused("It ended the connection: " + session.last_error() + " (" + std::to_string(status) + ")");
  const std::string offered = methods;
  auto signing_in = credentials.method == AuthMethod::password ? by_password(session, credentials, offered, deadline)
                    : credentials.method == AuthMethod::private_key ? by_key(session, credentials, offered, deadline)
                                                                    : by_agent(session, credentials, offered, deadline);
  co_await signing_in;
}

}  // namespace ssh
