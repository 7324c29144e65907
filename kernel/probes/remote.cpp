#include "probes/remote.hpp"

#include <Poco/Net/NetException.h>
#include <Poco/Net/RejectCertificateHandler.h>
#include <Poco/Net/SSLManager.h>
#include <Poco/Net/SecureStreamSocket.h>
#include <Poco/URI.h>

#include <stdexcept>

namespace kernel::probes {

namespace net = Poco::Net;

net::Context::Ptr tls_context() {
  static const net::Context::Ptr context = [] {
    net::initializeSSL();
    net::Context::Ptr made = new net::Context(net::Context::TLS_CLIENT_USE, "", net::Context::VERIFY_STRICT, 9, true);
    made->requireMinimumProtocol(net::Context::PROTO_TLSV1_2);
    net::SSLManager::instance().initializeClient(nullptr, new net::RejectCertificateHandler(false), made);
    return made;
  }();
  return context;
}

Remote remote_of(const std::string& url, const std::string& tls_scheme, std::uint16_t port, std::uint16_t tls_port) {
  try {
    const Poco::URI uri(url);
    Remote remote;
    remote.host = uri.getHost();
    remote.tls = uri.getScheme() == tls_scheme;
    remote.port = uri.getPort() != 0 ? uri.getPort() : remote.tls ? tls_port : port;
    const auto account = uri.getUserInfo();
    const auto colon = account.find(':');
    remote.user = account.substr(0, colon);
    if (colon != account.npos) remote.password = account.substr(colon + 1);
    if (!remote.host.empty()) return remote;
  } catch (const Poco::Exception&) {  // its text holds the URL
  }
  throw std::invalid_argument("the configured URL names no host");
}

net::StreamSocket connect(const Remote& remote, std::chrono::milliseconds patience) {
  const Poco::Timespan span(patience.count() * 1000);
  const net::SocketAddress address(remote.host, remote.port);
  net::StreamSocket socket;
  socket.connect(address, span);
  socket.setReceiveTimeout(span);
  socket.setSendTimeout(span);
  if (remote.tls) socket = net::SecureStreamSocket::attach(socket, remote.host, tls_context());
  return socket;
}

std::string explained(const std::string& server, const std::exception& fault) {
  if (dynamic_cast<const Poco::TimeoutException*>(&fault) != nullptr) return server + " does not answer";
  const auto* poco = dynamic_cast<const Poco::Exception*>(&fault);
  return server + ": " + (poco != nullptr ? poco->displayText() : fault.what());
}

}  // namespace kernel::probes
