#pragma once
// Who a request comes from, when trusted proxies stand between.
#include "http/message.hpp"

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kernel::routing {

/// An IP address as 16 bytes; IPv4 stands as ::ffff:a.b.c.d.
using AddressBytes = std::array<unsigned char, 16>;
std::optional<AddressBytes> parse_address(std::string_view text);
/// "192.0.2.1" for IPv4 (also where it came mapped), else the shortest IPv6 form.
std::string format_address(const AddressBytes& address);
bool is_ipv4(const AddressBytes& address);

/// A range such as "10.0.0.0/8", "fd00::/8" or a single address.
class Cidr {
 public:
  /// Throws std::invalid_argument naming the text.
  explicit Cidr(std::string_view text);
  bool contains(const AddressBytes& address) const;

 private:
  AddressBytes network_{};
  int bits_ = 128;
};

/// The rightmost address of X-Forwarded-For that is not a trusted proxy's, if the peer is one; else the peer.
std::string client_address(const http::RequestHead& head, const std::vector<Cidr>& trusted_proxies);

/// "https" where this kernel ends TLS, or a trusted proxy says that it did; else "http".
std::string_view client_scheme(const http::RequestHead& head, const std::vector<Cidr>& trusted_proxies, bool tls);

}  // namespace kernel::routing
