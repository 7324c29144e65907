#pragma once
// A connection to a server that the operator configured, for a probe: every wait on it is bounded.
#include <Poco/Net/Context.h>
#include <Poco/Net/StreamSocket.h>

#include <chrono>
#include <cstdint>
#include <exception>
#include <string>

namespace kernel::probes {

/// Certificates are checked against the system's authorities (SSL_CERT_FILE), and against the host's name.
Poco::Net::Context::Ptr tls_context();

struct Remote {
  std::string host;
  std::uint16_t port = 0;
  bool tls = false;
  std::string user, password;
};
/// "SCHEME://USER:PASSWORD@HOST:PORT"; throws std::invalid_argument that shows none of it.
Remote remote_of(const std::string& url, const std::string& tls_scheme, std::uint16_t port, std::uint16_t tls_port);

/// Throws Poco exceptions.
Poco::Net::StreamSocket connect(const Remote& remote, std::chrono::milliseconds patience);

/// What went wrong with a server, in words for an admin.
std::string explained(const std::string& server, const std::exception& fault);

}  // namespace kernel::probes
