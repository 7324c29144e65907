#include "probes/mail.hpp"

#include "probes/remote.hpp"

#include <Poco/Net/DialogSocket.h>
#include <Poco/Net/SecureStreamSocket.h>

#include <stdexcept>

namespace kernel::probes {
namespace {

namespace net = Poco::Net;

constexpr int ready = 220, done = 250, closing = 221;

/// What the server says to the last line that was sent; throws where it is not `wanted`.
std::string expect(net::DialogSocket& socket, int wanted) {
  std::string text;
  if (socket.receiveStatusMessage(text) != wanted) throw std::runtime_error("the server says \"" + text + '"');
  return text;
}

std::string greet(net::DialogSocket& socket) {
  socket.sendMessage("EHLO localhost");
  return expect(socket, done);
}

void take_leave(net::DialogSocket& socket) {
  socket.sendMessage("QUIT");
  expect(socket, closing);
}

}  // namespace

Finding probe_mail(const std::string& url, std::chrono::milliseconds patience) {
  if (url.empty()) return {Status::disabled, "no mail server is configured"};
  const Remote remote = remote_of(url, "smtps", 587, 465);
  const std::string server = remote.host + ':' + std::to_string(remote.port);
  try {
    net::DialogSocket socket(connect(remote, patience));
    expect(socket, ready);
    const bool offered = greet(socket).find("STARTTLS") != std::string::npos;
    if (!remote.tls && !offered) {
      take_leave(socket);
      return {Status::degraded, server + " does not offer STARTTLS: nothing is sent without"};
    }
    if (!remote.tls) {
      socket.sendMessage("STARTTLS");
      expect(socket, ready);
      net::DialogSocket secured(net::SecureStreamSocket::attach(socket, remote.host, tls_context()));
      greet(secured);
      take_leave(secured);
    } else {
      take_leave(socket);
    }
    return {Status::ok, server + " answers, with TLS"};
  } catch (const std::exception& fault) {
    return {Status::down, explained(server, fault)};
  }
}

}  // namespace kernel::probes
