#pragma once
// What client.cpp and socket.cpp share of Poco.
#include "cli/client.hpp"
#include "cli/failure.hpp"
#include "observability/printable.hpp"

#include <Poco/Net/HTTPClientSession.h>
#include <Poco/Net/HTTPRequest.h>
#include <Poco/Net/HTTPResponse.h>
#include <Poco/Net/WebSocket.h>

#include <chrono>
#include <istream>
#include <memory>
#include <string>
#include <string_view>

namespace kernel::cli {

/// One request on a connection of its own. All of it throws Poco::Exception when the kernel cannot be reached.
class Exchange {
 public:
  Exchange(const std::string& url, const std::string& method, const std::string& token,
           std::chrono::milliseconds timeout);

  /// body: null for none. The time to receive counts from one piece to the next.
  std::istream& send(const nlohmann::json& body, std::chrono::milliseconds receive_timeout);
  std::istream& send(const std::string& content_type, std::string_view body, std::chrono::milliseconds receive_timeout);
  /// Throws Failure when the kernel answers something else.
  Poco::Net::WebSocket upgrade();

  int status = 0;

 private:
  std::unique_ptr<Poco::Net::HTTPClientSession> session_;
  Poco::Net::HTTPRequest request_;
  Poco::Net::HTTPResponse response_;
  std::chrono::milliseconds timeout_;
};

struct Socket::Connection {
  explicit Connection(Poco::Net::WebSocket upgraded) : socket(std::move(upgraded)) {}
  Poco::Net::WebSocket socket;
  int close_code = 0;
};

/// Runs `work`; what Poco throws becomes a Failure that says what to do.
template <typename Work>
auto reaching(const std::string& url, Work work) {
  try {
    return work();
  } catch (const Poco::Exception& error) {
    throw Failure("no kernel answers at " + url + " (" + observability::printable(error.displayText(), 300) +
                  "); start it with `atrium serve`, or name another by --url or ATRIUM_URL");
  }
}

}  // namespace kernel::cli
