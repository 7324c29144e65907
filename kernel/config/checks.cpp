#include "config/checks.hpp"

#include <arpa/inet.h>

#include <charconv>
#include <vector>

namespace kernel::config {
namespace {

const std::string& text_of(const Slot& slot) { return *std::get<std::string*>(slot); }
const std::vector<std::string>& list_of(const Slot& slot) { return *std::get<std::vector<std::string>*>(slot); }

std::string expect_prefix(const std::string& value, std::initializer_list<std::string_view> prefixes,
                          std::string expected) {
  for (auto prefix : prefixes) {
    if (value.starts_with(prefix) && value.size() > prefix.size()) return {};
  }
  return expected;
}

bool parse_number(std::string_view text, int& number) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

bool is_cidr(const std::string& text) {
  const auto slash = text.find('/');
  const auto address = text.substr(0, slash);
  unsigned char bytes[16];
  const bool four = inet_pton(AF_INET, address.c_str(), bytes) == 1;
  if (!four && inet_pton(AF_INET6, address.c_str(), bytes) != 1) return false;
  if (slash == std::string::npos) return true;
  int bits = -1;
  return parse_number(std::string_view(text).substr(slash + 1), bits) && bits >= 0 && bits <= (four ? 32 : 128);
}

bool is_origin(std::string_view text) {
  for (std::string_view scheme : {"https://", "http://"}) {
    if (!text.starts_with(scheme)) continue;
    const auto rest = text.substr(scheme.size());
    return !rest.empty() && rest.find_first_of("/?#@ *") == std::string_view::npos;
  }
  return false;
}

bool is_plugin_id(std::string_view text) {
  return text == "*" ||
         (!text.empty() && text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string_view::npos);
}

template <typename Predicate>
std::string expect_each(const Slot& slot, Predicate holds, const std::string& expected) {
  for (const auto& member : list_of(slot)) {
    if (!holds(member)) return expected + "; `" + member + "` is none";
  }
  return {};
}

std::string expect_between(const Slot& slot, std::int64_t least, std::int64_t most, const std::string& unit) {
  const auto value = *std::get<std::int64_t*>(slot);
  if (value >= least && value <= most) return {};
  return "a number of " + unit + " from " + std::to_string(least) + " to " + std::to_string(most);
}

}  // namespace

std::string expect_database_url(const Slot& slot) {
  return expect_prefix(text_of(slot), {"sqlite:", "postgresql://", "postgres://"},
                       "`sqlite:PATH` or `postgresql://USER:PASSWORD@HOST:PORT/DATABASE`");
}

std::string expect_cache_url(const Slot& slot) {
  if (text_of(slot) == "memory:") return {};
  return expect_prefix(text_of(slot), {"redis://", "rediss://"},
                       "`memory:`, `redis://HOST:PORT` or `rediss://HOST:PORT`");
}

std::string expect_objects_url(const Slot& slot) {
  return expect_prefix(text_of(slot), {"file:", "s3+https://", "s3+http://"},
                       "`file:PATH` or `s3+https://KEY:SECRET@HOST:PORT/BUCKET?region=REGION`");
}

std::string expect_mail_url(const Slot& slot) {
  if (text_of(slot).empty()) return {};
  return expect_prefix(text_of(slot), {"smtp://", "smtps://"},
                       "`smtp://USER:PASSWORD@HOST:587`, `smtps://USER:PASSWORD@HOST:465` or nothing");
}

std::string expect_not_empty(const Slot& slot) { return text_of(slot).empty() ? "a path" : ""; }

std::string expect_vault_key(const Slot& slot) {
  const auto text = text_of(slot);
  const bool good = std::all_of(text.begin(), text.end(),
                                [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_'; });
  return text.empty() || (good && text.size() == 43) ? "" : "base64url of 32 bytes, without padding (43 characters)";
}

std::string expect_host_port(const Slot& slot) {
  try {
    parse_host_port(text_of(slot));
    return {};
  } catch (const std::invalid_argument& fault) {
    return fault.what();
  }
}

std::string expect_cidrs(const Slot& slot) {
  return expect_each(slot, is_cidr, "addresses or CIDRs such as `10.0.0.0/8` or `fd00::/8`");
}

std::string expect_origins(const Slot& slot) {
  return expect_each(slot, is_origin, "origins such as `https://app.example.com`, without a path");
}

std::string expect_plugin_ids(const Slot& slot) {
  return expect_each(slot, is_plugin_id, "plugin ids (lower-case letters, digits and `-`) or `*` for all");
}

std::string expect_log_level(const Slot& slot) {
  for (auto level : {"trace", "debug", "info", "warning", "error"}) {
    if (text_of(slot) == level) return {};
  }
  return "one of `trace`, `debug`, `info`, `warning`, `error`";
}

std::string expect_log_format(const Slot& slot) {
  return text_of(slot) == "text" || text_of(slot) == "json" ? "" : "`text` or `json`";
}

std::string expect_rate(const Slot& slot) { return expect_between(slot, 1, 1'000'000'000, "requests a minute"); }

std::string expect_bytes(const Slot& slot) { return expect_between(slot, 1024, std::int64_t{1} << 40, "bytes"); }

}  // namespace kernel::config
