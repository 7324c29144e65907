#pragma once
// Which addresses may be dialled: the registries of special addresses, and what the operator opens or closes.
#include "egress/client.hpp"

#include <boost/asio/ip/address.hpp>

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace kernel::egress {

/// A CIDR, or one address. IPv4 and IPv4-mapped IPv6 are the same here.
class Network {
 public:
  /// Throws std::invalid_argument naming the text.
  explicit Network(std::string_view text);
  bool contains(const boost::asio::ip::address& address) const;

 private:
  std::array<unsigned char, 16> prefix_{};
  unsigned bits_ = 0;
};

class AddressRules {
 public:
  /// Throws std::invalid_argument for a malformed CIDR.
  explicit AddressRules(const Options& options);
  bool allowed(const boost::asio::ip::address& address, Trust trust, std::string* why) const;

 private:
  std::vector<Network> allow_private_, deny_;
};

}  // namespace kernel::egress
