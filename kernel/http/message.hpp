#pragma once
// What crosses between the HTTP front and the rest of the kernel: plain values, nothing of Pistache or Beast.
#include <atrium/abi.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kernel::http {

enum class Method : std::uint8_t { get, head, post, put, patch, del, options, other };

std::string_view to_string(Method method);

/// Header names are lower case; order and duplicates are kept as received.
class Headers {
 public:
  void reserve(std::size_t count) { fields_.reserve(count); }
  void add(std::string name, std::string value) { fields_.emplace_back(std::move(name), std::move(value)); }
  /// Replaces every field of that name.
  void set(std::string_view name, std::string value);
  /// The first field of that (lower-case) name, or nullptr.
  const std::string* find(std::string_view name) const;
  std::string_view get(std::string_view name) const;
  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

/// The head of a request as it stood on the wire, checked for form but not yet for meaning.
struct RequestHead {
  Method method = Method::other;
  std::string method_name;
  std::string target;  ///< as sent: path and query, still percent-encoded
  std::string path;    ///< percent-encoded path without the query
  std::string query;   ///< without '?'; empty when absent
  Headers headers;
  std::string peer;                  ///< the TCP peer's address without port: "127.0.0.1", "::1"
  std::int64_t content_length = -1;  ///< -1: none given
  bool has_body = false;             ///< a length above zero, or chunked
  bool keep_alive = true;
  bool websocket_upgrade = false;  ///< a well-formed RFC 6455 handshake
};

struct Reply {
  int status = 200;
  Headers headers;
  std::string body;
};

}  // namespace kernel::http
