#include "http/target.hpp"

#include <algorithm>
#include <array>

namespace kernel::http {
namespace {

enum Allowed : unsigned char { in_path = 1, in_query = 2, in_host = 4, hex = 8 };

// RFC 3986: pchar for paths; queries also take what deployed clients send there unescaped.
constexpr std::array<unsigned char, 256> make_table() {
  std::array<unsigned char, 256> table{};
  auto allow = [&](std::string_view chars, int bits) {
    for (const char c : chars) table[static_cast<unsigned char>(c)] |= static_cast<unsigned char>(bits);
  };
  allow("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~", in_path | in_query | in_host);
  allow("!$&'()*+,;=", in_path | in_query | in_host);
  allow(":@/%", in_path | in_query);
  allow("?[]{}|^`", in_query);
  allow("%", in_host);
  allow("0123456789abcdefABCDEF", hex);
  return table;
}
constexpr auto table = make_table();

bool all_of(std::string_view text, Allowed what) {
  return std::all_of(text.begin(), text.end(), [&](char c) { return table[static_cast<unsigned char>(c)] & what; });
}

bool valid_escapes(std::string_view text) {
  for (auto at = text.find('%'); at != std::string_view::npos; at = text.find('%', at + 3)) {
    if (at + 2 >= text.size() || !all_of(text.substr(at + 1, 2), hex)) return false;
  }
  return true;
}

bool starts_with_no_case(std::string_view text, std::string_view lower) {
  return text.size() >= lower.size() &&
         std::equal(lower.begin(), lower.end(), text.begin(), [](char a, char b) { return a == (b | 0x20) || a == b; });
}

/// "http://host:80/path" -> authority "host:80", returns "/path".
std::string_view reduce_absolute(std::string_view raw, std::string_view& authority) {
  std::size_t scheme = 0;
  if (starts_with_no_case(raw, "http://")) scheme = 7;
  if (starts_with_no_case(raw, "https://")) scheme = 8;
  if (scheme == 0) return {};
  const auto end = std::min(raw.find_first_of("/?", scheme), raw.size());
  authority = raw.substr(scheme, end - scheme);
  if (authority.empty() || !valid_authority(authority)) return {};
  return end == raw.size() ? std::string_view("/") : raw.substr(end);
}

}  // namespace

bool valid_authority(std::string_view text) {
  if (text.empty()) return true;
  std::string_view port;
  if (text.front() == '[') {
    const auto close = text.find(']');
    if (close == std::string_view::npos || close < 3) return false;
    if (text.substr(1, close - 1).find_first_not_of("0123456789abcdefABCDEF:.") != std::string_view::npos) return false;
    port = text.substr(close + 1);
    if (!port.empty() && port.front() != ':') return false;
    if (!port.empty()) port.remove_prefix(1);
  } else {
    const auto colon = text.find(':');
    const auto host = text.substr(0, colon);
    if (host.empty() || !all_of(host, in_host) || !valid_escapes(host)) return false;
    if (colon != std::string_view::npos) port = text.substr(colon + 1);
  }
  return port.size() <= 5 && port.find_first_not_of("0123456789") == std::string_view::npos;
}

Fault read_target(std::string_view raw, RequestHead& head, std::string_view& authority) {
  if (raw == "*") {
    if (head.method != Method::options) return {400, "The target '*' is for OPTIONS only."};
    head.target = head.path = "*";
    return {};
  }
  std::string_view target = raw;
  if (target.front() != '/') target = reduce_absolute(raw, authority);
  if (target.empty()) return {400, "The request target is not a path that begins with '/', nor an absolute http URL."};
  const auto question = target.find('?');
  const auto path = target.substr(0, question);
  const auto query = question == std::string_view::npos ? std::string_view() : target.substr(question + 1);
  if (!all_of(path, in_path) || !all_of(query, in_query)) {
    return {400, "The request target holds a character that must be percent-encoded."};
  }
  if (!valid_escapes(target)) return {400, "The request target holds a '%' that two hexadecimal digits do not follow."};
  if (path.empty()) {  // "http://host?query"
    head.path = "/";
    head.target = "/" + std::string(target);
  } else {
    head.path = path;
    head.target = target;
  }
  head.query = query;
  return {};
}

}  // namespace kernel::http
