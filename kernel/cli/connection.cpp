#include "cli/connection.hpp"

#include "probes/remote.hpp"

#include <Poco/Net/HTTPSClientSession.h>
#include <Poco/Net/NetException.h>
#include <Poco/URI.h>

namespace kernel::cli {
namespace {

namespace net = Poco::Net;

Poco::Timespan span(std::chrono::milliseconds time) { return Poco::Timespan(time.count() * 1000); }

}  // namespace

Exchange::Exchange(const std::string& url, const std::string& method, const std::string& token,
                   std::chrono::milliseconds timeout)
    : timeout_(timeout) {
  const Poco::URI uri(url);
  if (uri.getScheme() == "https") {
    session_ = std::make_unique<net::HTTPSClientSession>(uri.getHost(), uri.getPort(), probes::tls_context());
  } else {
    session_ = std::make_unique<net::HTTPClientSession>(uri.getHost(), uri.getPort());
  }
  request_ = net::HTTPRequest(method, uri.getPathAndQuery(), net::HTTPMessage::HTTP_1_1);
  if (!token.empty()) request_.set("Authorization", "Bearer " + token);
}

std::istream& Exchange::send(const nlohmann::json& body, std::chrono::milliseconds receive_timeout) {
  if (body.is_null()) return send("", "", receive_timeout);
  return send("application/json", body.dump(), receive_timeout);
}

std::istream& Exchange::send(const std::string& content_type, std::string_view body,
                             std::chrono::milliseconds receive_timeout) {
  session_->setTimeout(span(timeout_), span(timeout_), span(receive_timeout));
  if (!content_type.empty()) request_.setContentType(content_type);
  request_.setContentLength(static_cast<std::streamsize>(body.size()));
  session_->sendRequest(request_) << body;
  auto& answer = session_->receiveResponse(response_);
  status = response_.getStatus();
  return answer;
}

net::WebSocket Exchange::upgrade() {
  session_->setTimeout(span(timeout_));
  try {
    return {*session_, request_, response_};
  } catch (const net::WebSocketException&) {
    throw Failure("the kernel opens no WebSocket: it answered " + std::to_string(response_.getStatus()) + " " +
                  observability::printable(response_.getReason(), 100) + "; try again later");
  }
}

}  // namespace kernel::cli
