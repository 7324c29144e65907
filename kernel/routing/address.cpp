#include "routing/address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <stdexcept>

namespace kernel::routing {

namespace {

constexpr std::size_t max_hops = 32;

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// Proxies may write "[2001:db8::1]:4711" or "192.0.2.1:4711".
std::string_view without_port(std::string_view text) {
  if (text.starts_with('[')) return text.substr(1, text.find(']') == text.npos ? text.npos : text.find(']') - 1);
  if (std::count(text.begin(), text.end(), ':') == 1) return text.substr(0, text.find(':'));
  return text;
}

bool trusted(const AddressBytes& address, const std::vector<Cidr>& proxies) {
  return std::any_of(proxies.begin(), proxies.end(), [&](const Cidr& cidr) { return cidr.contains(address); });
}

std::vector<std::string_view> hops(const http::RequestHead& head) {
  std::vector<std::string_view> list;
  for (const auto& [name, value] : head.headers) {
    if (name != "x-forwarded-for") continue;
    for (std::string_view rest = value; !rest.empty();) {
      const auto comma = rest.find(',');
      list.push_back(without_port(trimmed(rest.substr(0, comma))));
      rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
    }
  }
  return list;
}

}  // namespace

std::optional<AddressBytes> parse_address(std::string_view text) {
  std::array<char, INET6_ADDRSTRLEN> zero_terminated{};
  if (text.empty() || text.size() >= zero_terminated.size()) return std::nullopt;
  std::copy(text.begin(), text.end(), zero_terminated.begin());
  AddressBytes bytes{};
  if (inet_pton(AF_INET6, zero_terminated.data(), bytes.data()) == 1) return bytes;
  bytes[10] = bytes[11] = 0xff;
  if (inet_pton(AF_INET, zero_terminated.data(), bytes.data() + 12) == 1) return bytes;
  return std::nullopt;
}

bool is_ipv4(const AddressBytes& address) {
  return std::all_of(address.begin(), address.begin() + 10, [](unsigned char b) { return b == 0; }) &&
         address[10] == 0xff && address[11] == 0xff;
}

std::string format_address(const AddressBytes& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const bool v4 = is_ipv4(address);
  inet_ntop(v4 ? AF_INET : AF_INET6, address.data() + (v4 ? 12 : 0), text.data(), text.size());
  return text.data();
}

Cidr::Cidr(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = parse_address(text.substr(0, slash));
  if (!address) throw std::invalid_argument("'" + std::string(text) + "' is no address range such as 10.0.0.0/8");
  network_ = *address;
  if (slash == std::string_view::npos) return;
  const int width = is_ipv4(network_) ? 32 : 128;
  const auto digits = text.substr(slash + 1);
  int bits = -1;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  if (error != std::errc{} || end != digits.data() + digits.size() || bits < 0 || bits > width)
    throw std::invalid_argument("'" + std::string(text) + "' needs a prefix length of 0 to " + std::to_string(width));
  bits_ = bits + 128 - width;
}

bool Cidr::contains(const AddressBytes& address) const {
  const auto whole = static_cast<std::size_t>(bits_ / 8);
  if (std::memcmp(network_.data(), address.data(), whole) != 0) return false;
  const int rest = bits_ % 8;
  return rest == 0 || ((network_[whole] ^ address[whole]) >> (8 - rest)) == 0;
}

std::string client_address(const http::RequestHead& head, const std::vector<Cidr>& trusted_proxies) {
  auto client = parse_address(head.peer);
  if (!client) return head.peer;
  if (trusted_proxies.empty() || !trusted(*client, trusted_proxies)) return format_address(*client);
  const auto list = hops(head);
  std::size_t looked_at = 0;
  for (auto hop = list.rbegin(); hop != list.rend() && looked_at < max_hops; ++hop, ++looked_at) {
    const auto address = parse_address(*hop);
    if (!address) break;
    client = address;
    if (!trusted(*address, trusted_proxies)) break;
  }
  return format_address(*client);
}

std::string_view client_scheme(const http::RequestHead& head, const std::vector<Cidr>& trusted_proxies, bool tls) {
  if (tls) return "https";
  if (trusted_proxies.empty() || head.headers.get("x-forwarded-proto") != "https") return "http";
  const auto peer = parse_address(head.peer);
  return peer && trusted(*peer, trusted_proxies) ? "https" : "http";
}

}  // namespace kernel::routing
