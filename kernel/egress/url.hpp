#pragma once
// http and https URLs, read strictly: what two parsers might read in two ways is refused.
#include <cstdint>
#include <string>
#include <string_view>

namespace kernel::egress {

struct Url {
  bool tls = false;
  std::string host;  ///< lower case; an IPv6 literal without its brackets
  bool numeric = false;
  std::uint16_t port = 0;
  std::string target;  ///< path and query, never empty

  /// Throws std::invalid_argument saying what is wrong, without the text, which may hold secrets.
  static Url parse(std::string_view text);
  /// Where a Location header leads from here.
  Url follow(std::string_view location) const;
  std::string authority() const;  ///< for the Host header
  bool same_origin(const Url& other) const;
};

}  // namespace kernel::egress
