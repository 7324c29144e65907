#include "egress/request.hpp"

#include <boost/beast/core/string.hpp>

#include <algorithm>
#include <stdexcept>

namespace kernel::egress {
namespace {

constexpr std::size_t max_header_bytes = 64 * 1024;

bool same(std::string_view a, std::string_view b) {
  return boost::beast::iequals({a.data(), a.size()}, {b.data(), b.size()});
}

template <typename Names>
bool among(std::string_view name, const Names& names) {
  return std::any_of(std::begin(names), std::end(names), [&](std::string_view each) { return same(name, each); });
}

bool token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) || std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) != std::string_view::npos;
  });
}

bool header_value(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7F; });
}

bool has_header(const OutRequest& request, std::string_view name) {
  return std::any_of(request.headers.begin(), request.headers.end(),
                     [&](const auto& header) { return same(header.first, name); });
}

}  // namespace

void check(const OutRequest& request) {
  constexpr std::string_view own[] = {
      "host",    "content-length", "transfer-encoding", "connection", "keep-alive", "upgrade", "te",
      "trailer", "expect",         "proxy-connection"};
  if (!token(request.method) || request.method.size() > 32 || same(request.method, "CONNECT")) {
    throw std::invalid_argument("the method is malformed or not supported");
  }
  std::size_t bytes = 0;
  for (const auto& [name, value] : request.headers) {
    if (!token(name)) throw std::invalid_argument("a header has a malformed name");
    if (!header_value(value)) throw std::invalid_argument("the header " + name + " holds a control character");
    if (among(name, own)) throw std::invalid_argument("the header " + name + " is set by the client itself");
    bytes += name.size() + value.size() + 4;
  }
  if (bytes > max_header_bytes) throw std::invalid_argument("the headers are longer than 64 KiB");
}

std::string wire_head(const OutRequest& request, const Url& url) {
  std::string head = request.method + " " + url.target + " HTTP/1.1\r\nHost: " + url.authority() + "\r\n";
  if (!has_header(request, "user-agent")) head += "User-Agent: atrium/" ATRIUM_VERSION "\r\n";
  if (!has_header(request, "accept")) head += "Accept: */*\r\n";
  for (const auto& [name, value] : request.headers) head += name + ": " + value + "\r\n";
  constexpr std::string_view with_body[] = {"POST", "PUT", "PATCH"};
  if (!request.body.empty() || among(request.method, with_body)) {
    head += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
  }
  return head += "\r\n";
}

bool may_resend(const OutRequest& request) {
  constexpr std::string_view idempotent[] = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"};
  return among(request.method, idempotent) || has_header(request, "idempotency-key");
}

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

void follow_redirect(OutRequest& request, int status, bool same_origin) {
  const bool head = request.method == "HEAD";
  if ((status == 303 && !head) || ((status == 301 || status == 302) && request.method == "POST")) {
    request.method = "GET";
    request.body.clear();
    std::erase_if(request.headers,
                  [](const auto& header) { return boost::beast::iequals(header.first.substr(0, 8), "content-"); });
  }
  if (same_origin) return;
  // Any header may be a credential (X-API-Key, signatures): only the harmless ones go to a stranger.
  constexpr std::string_view harmless[] = {"accept",       "accept-language",  "accept-encoding",
                                           "content-type", "content-language", "user-agent"};
  std::erase_if(request.headers, [&](const auto& header) { return !among(header.first, harmless); });
  request.trust = Trust::user;
}

}  // namespace kernel::egress
