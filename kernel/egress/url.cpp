#include "egress/url.hpp"

#include <boost/asio/ip/address.hpp>

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace kernel::egress {
namespace {

constexpr std::size_t max_url = 8 * 1024;

[[noreturn]] void fail(const char* what) { throw std::invalid_argument(std::string("the URL ") + what); }

bool letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
  return out;
}

void check_characters(std::string_view text) {
  if (text.size() > max_url) fail("is longer than 8 KiB");
  for (const unsigned char c : text) {
    if (c <= 0x20 || c >= 0x7F || c == '\\')
      fail("holds a space, control, non-ASCII or backslash character: encode it");
  }
}

bool is_address(const std::string& host, bool v6) {
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(host, error);
  return !error && address.is_v6() == v6 && host.find('%') == std::string::npos;
}

/// WHATWG's rule: a last label that is a number makes the whole an IPv4 address, and then it must be a plain one.
bool ends_in_number(std::string_view host) {
  const auto label = host.substr(host.rfind('.') + 1);
  const bool digits = std::all_of(label.begin(), label.end(), [](char c) { return c >= '0' && c <= '9'; });
  return digits || label.starts_with("0x");
}

void check_name(std::string_view host) {
  if (host.empty() || host.size() > 253) fail("has no host, or one longer than 253 characters");
  std::size_t label = 0;
  for (const char c : host) {
    if (c == '.' && label == 0) fail("has a host with an empty label");
    if (c != '.' && !letter_or_digit(c) && c != '-' && c != '_') fail("has a host with a character no name may have");
    label = c == '.' ? 0 : label + 1;
    if (label > 63) fail("has a host with a label longer than 63 characters");
  }
  if (label == 0) fail("has a host that ends in a dot");
}

std::uint16_t parse_port(std::string_view digits) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc{} || end != digits.data() + digits.size() || port == 0 || port > 65535 || digits.size() > 5) {
    fail("has a port that is no number from 1 to 65535");
  }
  return static_cast<std::uint16_t>(port);
}

void read_authority(Url& url, std::string_view authority) {
  if (authority.find('@') != std::string_view::npos) fail("holds a user name or password: use a header");
  std::string_view rest;
  if (authority.starts_with('[')) {
    const auto close = authority.find(']');
    if (close == std::string_view::npos) fail("has an IPv6 address without its closing bracket");
    url.host = lower(authority.substr(1, close - 1));
    if (!is_address(url.host, true)) fail("has a malformed IPv6 address");
    url.numeric = true;
    rest = authority.substr(close + 1);
  } else {
    const auto colon = authority.find(':');
    url.host = lower(authority.substr(0, colon));
    check_name(url.host);
    url.numeric = ends_in_number(url.host);
    if (url.numeric && !is_address(url.host, false)) fail("has an IPv4 address that is not four plain decimal numbers");
    if (colon != std::string_view::npos) rest = authority.substr(colon);
  }
  url.port = url.tls ? 443 : 80;
  if (rest.empty()) return;
  if (rest.front() != ':') fail("has something between its host and its path");
  url.port = parse_port(rest.substr(1));
}

/// RFC 3986, 5.2.4.
std::string without_dot_segments(std::string_view path) {
  std::string out;
  while (!path.empty()) {
    const auto next = path.find('/', 1);
    const auto segment = path.substr(0, next);
    path = next == std::string_view::npos ? std::string_view{} : path.substr(next);
    if (segment == "/..") {
      out.resize(out.empty() ? 0 : out.rfind('/'));
    } else if (segment != "/.") {
      out += segment;
      continue;
    }
    if (path.empty()) out += '/';
  }
  return out;
}

}  // namespace

Url Url::parse(std::string_view text) {
  check_characters(text);
  Url url;
  const auto scheme_end = text.find("://");
  const auto scheme = lower(text.substr(0, scheme_end));
  if (scheme_end == std::string_view::npos || (scheme != "http" && scheme != "https")) {
    fail("must begin with http:// or https://");
  }
  url.tls = scheme == "https";
  text = text.substr(scheme_end + 3);
  text = text.substr(0, text.find('#'));
  const auto path = text.find_first_of("/?");
  read_authority(url, text.substr(0, path));
  url.target = path == std::string_view::npos ? "/" : std::string(text.substr(path));
  if (url.target.front() == '?') url.target.insert(0, 1, '/');
  return url;
}

Url Url::follow(std::string_view location) const {
  check_characters(location);
  location = location.substr(0, location.find('#'));
  const auto scheme_end = location.find("://");
  if (scheme_end != std::string_view::npos && scheme_end < location.find_first_of("/?")) return parse(location);
  if (location.starts_with("//")) return parse((tls ? "https:" : "http:") + std::string(location));
  Url next = *this;
  if (location.empty()) return next;
  const auto base_path = target.substr(0, target.find('?'));
  if (location.front() == '?') {
    next.target = base_path + std::string(location);
    return next;
  }
  const auto query = location.find('?');
  auto path = std::string(location.substr(0, query));
  if (path.front() != '/') path.insert(0, base_path.substr(0, base_path.rfind('/') + 1));
  next.target = without_dot_segments(path);
  if (next.target.empty()) next.target = "/";
  if (query != std::string_view::npos) next.target += location.substr(query);
  return next;
}

std::string Url::authority() const {
  const auto name = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return port == (tls ? 443 : 80) ? name : name + ":" + std::to_string(port);
}

bool Url::same_origin(const Url& other) const { return tls == other.tls && host == other.host && port == other.port; }

}  // namespace kernel::egress
