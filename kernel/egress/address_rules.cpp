#include "egress/address_rules.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>
#include <stdexcept>

namespace kernel::egress {
namespace {

using boost::asio::ip::address;
using boost::asio::ip::address_v4;
using boost::asio::ip::address_v6;
using Bytes = std::array<unsigned char, 16>;

struct Special {
  Network network;
  const char* what;
};

/// IANA's special-purpose registries, and the addresses at which clouds hand out credentials.
const std::vector<Special>& specials() {
  static const std::vector<Special> all = [] {
    const std::pair<const char*, const char*> rows[] = {
        {"169.254.169.254/32", "a cloud metadata address"},
        {"169.254.170.2/32", "a cloud metadata address"},
        {"100.100.100.200/32", "a cloud metadata address"},
        {"168.63.129.16/32", "a cloud metadata address"},
        {"192.0.0.192/32", "a cloud metadata address"},
        {"fd00:ec2::254/128", "a cloud metadata address"},
        {"fd20:ce::254/128", "a cloud metadata address"},
        {"0.0.0.0/32", "the unspecified address"},
        {"0.0.0.0/8", "this network"},
        {"10.0.0.0/8", "a private address"},
        {"100.64.0.0/10", "a carrier's shared address"},
        {"127.0.0.0/8", "a loopback address"},
        {"169.254.0.0/16", "a link-local address"},
        {"172.16.0.0/12", "a private address"},
        {"192.0.0.0/24", "a protocol assignment"},
        {"192.0.2.0/24", "a documentation address"},
        {"192.88.99.0/24", "a reserved address"},
        {"192.168.0.0/16", "a private address"},
        {"198.18.0.0/15", "a benchmarking address"},
        {"198.51.100.0/24", "a documentation address"},
        {"203.0.113.0/24", "a documentation address"},
        {"224.0.0.0/4", "a multicast address"},
        {"255.255.255.255/32", "the broadcast address"},
        {"240.0.0.0/4", "a reserved address"},
        {"::/128", "the unspecified address"},
        {"::1/128", "a loopback address"},
        {"64:ff9b:1::/48", "a local translation address"},
        {"2001::/32", "a Teredo address"},
        {"2001::/23", "a protocol assignment"},
        {"2001:db8::/32", "a documentation address"},
        {"3fff::/20", "a documentation address"},
        {"fc00::/7", "a private address"},
        {"fe80::/10", "a link-local address"},
        {"fec0::/10", "a site-local address"},
        {"ff00::/8", "a multicast address"},
    };
    std::vector<Special> list;
    for (const auto& [network, what] : rows) list.push_back({Network(network), what});
    return list;
  }();
  return all;
}

Bytes canonical(const address& from) {
  return from.is_v4()
             ? address_v6(boost::asio::ip::make_address_v6(boost::asio::ip::v4_mapped, from.to_v4())).to_bytes()
             : from.to_v6().to_bytes();
}

bool is_v4(const Bytes& bytes) { return boost::asio::ip::make_address_v6(bytes).is_v4_mapped(); }

address v4_at(const Bytes& bytes, std::size_t at, unsigned char flip = 0) {
  address_v4::bytes_type v4;
  for (std::size_t i = 0; i < 4; ++i) v4[i] = bytes[at + i] ^ flip;
  return address_v4(v4);
}

/// The IPv4 addresses that a packet to this IPv6 address may be turned into on its way.
std::vector<address> embedded_v4(const Bytes& bytes) {
  static const Network nat64("64:ff9b::/96"), local_nat64("64:ff9b:1::/48"), six_to_four("2002::/16"),
      teredo("2001::/32"), compatible("::/96");
  const address self = boost::asio::ip::make_address_v6(bytes);
  std::vector<address> found;
  if (nat64.contains(self) || local_nat64.contains(self) || compatible.contains(self))
    found.push_back(v4_at(bytes, 12));
  if (six_to_four.contains(self)) found.push_back(v4_at(bytes, 2));
  if (teredo.contains(self)) {
    found.push_back(v4_at(bytes, 4));
    found.push_back(v4_at(bytes, 12, 0xFF));
  }
  const bool isatap = (bytes[8] & 0xFD) == 0 && bytes[9] == 0 && bytes[10] == 0x5E && bytes[11] == 0xFE;
  if (isatap) found.push_back(v4_at(bytes, 12));
  return found;
}

bool within(const std::vector<Network>& networks, const address& one) {
  return std::any_of(networks.begin(), networks.end(), [&](const auto& network) { return network.contains(one); });
}

/// What makes an address special in itself; null: it is an ordinary public one.
const char* special(const address& one) {
  for (const auto& row : specials()) {
    if (row.network.contains(one)) return row.what;
  }
  static const Network global("2000::/3"), nat64("64:ff9b::/96");
  if (is_v4(canonical(one)) || global.contains(one) || nat64.contains(one)) return nullptr;
  return "a reserved address";
}

std::optional<address> parse(std::string_view text) {
  boost::system::error_code error;
  const auto parsed = boost::asio::ip::make_address(std::string(text), error);
  if (error || text.find_first_of(std::string_view("%\0", 2)) != std::string_view::npos) return std::nullopt;
  return parsed;
}

std::string plain(const address& one) {
  const auto bytes = canonical(one);
  return is_v4(bytes) ? v4_at(bytes, 12).to_string() : boost::asio::ip::make_address_v6(bytes).to_string();
}

}  // namespace

Network::Network(std::string_view text) {
  const auto slash = text.find('/');
  const auto base = parse(text.substr(0, slash));
  const std::invalid_argument fault("not an address or CIDR such as 10.0.0.0/8 or fd00::/8: \"" + std::string(text) +
                                    "\"");
  if (!base) throw fault;
  const unsigned family_bits = base->is_v4() ? 32 : 128;
  unsigned length = family_bits;
  if (slash != std::string_view::npos) {
    const auto digits = text.substr(slash + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
    if (error != std::errc{} || end != digits.data() + digits.size() || length > family_bits) throw fault;
  }
  prefix_ = canonical(*base);
  bits_ = length + (128 - family_bits);
}

bool Network::contains(const address& one) const {
  const auto bytes = canonical(one);
  const std::size_t whole = bits_ / 8, rest = bits_ % 8;
  if (std::memcmp(bytes.data(), prefix_.data(), whole) != 0) return false;
  const auto mask = static_cast<unsigned char>(0xFF00 >> rest);
  return rest == 0 || ((bytes[whole] ^ prefix_[whole]) & mask) == 0;
}

AddressRules::AddressRules(const Options& options) {
  for (const auto& text : options.allow_private) allow_private_.emplace_back(text);
  for (const auto& text : options.deny) deny_.emplace_back(text);
}

bool AddressRules::allowed(const address& one, Trust trust, std::string* why) const {
  const auto refuse = [&](const std::string& reason) {
    if (why) *why = plain(one) + " is " + reason;
    return false;
  };
  const auto inner = embedded_v4(canonical(one));
  const auto denied = [this](const address& each) { return within(deny_, each); };
  if (denied(one) || std::any_of(inner.begin(), inner.end(), denied)) return refuse("denied by egress.deny");
  if (trust == Trust::operator_ || within(allow_private_, one)) return true;
  if (const auto* what = special(one)) return refuse(std::string(what) + "; egress.allow_private can open it");
  for (const auto& each : inner) {
    const auto* what = within(allow_private_, each) ? nullptr : special(each);
    if (what) return refuse("a way to " + plain(each) + ", " + what + "; egress.allow_private can open it");
  }
  return true;
}

bool address_allowed(std::string_view text, Trust trust, const Options& options, std::string* why) {
  const auto parsed = parse(text);
  if (!parsed) {
    if (why) *why = "not a numeric address";
    return false;
  }
  try {
    return AddressRules(options).allowed(*parsed, trust, why);
  } catch (const std::invalid_argument& fault) {
    if (why) *why = fault.what();
    return false;
  }
}

}  // namespace kernel::egress
