#pragma once
// The headers that every reply carries.
#include "http/message.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace kernel::routing {

/// nosniff, Referrer-Policy, a closed Content-Security-Policy, and no-store for JSON; what the handler set stays.
void add_security_headers(http::Reply& reply);
void add_security_headers(http::Headers& headers);

/// Cross-origin access for the origins given ("*": any), without credentials: tokens travel in a header.
class Cors {
 public:
  explicit Cors(std::vector<std::string> origins) : origins_(std::move(origins)) {}
  /// Adds to `reply_headers` what a request from an allowed origin needs; nothing for others.
  void answer(const http::RequestHead& head, http::Headers& reply_headers) const;
  /// For OPTIONS: also which methods and headers may be used.
  void answer_preflight(const http::RequestHead& head, std::string_view allow, http::Headers& reply_headers) const;

 private:
  bool allowed(std::string_view origin) const;
  std::vector<std::string> origins_;
};

}  // namespace kernel::routing
