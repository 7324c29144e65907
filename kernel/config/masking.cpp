#include "config/config.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cctype>

namespace kernel::config {
namespace {

constexpr std::string_view mask = "***";

/// Masks user information's password and query members that carry one.
std::string mask_url(std::string url) {
  const auto scheme = url.find("://");
  if (scheme != std::string::npos) {
    const auto begin = scheme + 3;
    const auto end = url.find_first_of("/?#", begin);
    // A password may itself hold '@': the last one before the path ends it.
    const auto at = url.rfind('@', end == std::string::npos ? url.size() : end);
    const auto colon = url.find(':', begin);
    if (at != std::string::npos && at > begin && colon != std::string::npos && colon < at) {
      url.replace(colon + 1, at - colon - 1, mask);
    }
  }
  for (std::string_view member : {"password=", "sslpassword=", "secret="}) {
    for (auto found = url.find(member); found != std::string::npos; found = url.find(member, found + member.size())) {
      const auto begin = found + member.size();
      const auto end = std::min(url.find_first_of("&#", begin), url.size());
      url.replace(begin, end - begin, mask);
    }
  }
  return url;
}

bool names_a_credential(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  for (auto word : {"password", "secret", "token", "key", "credential"}) {
    if (name.find(word) != std::string::npos) return true;
  }
  return false;
}

}  // namespace

nlohmann::json masked_value_of(const Key& key, const Config& config) {
  auto value = value_of(key, config);
  if (!key.secret) return value;
  const auto text = value.get<std::string>();
  return text.empty() || key.name.ends_with(".url") ? mask_url(text) : std::string(mask);
}

nlohmann::json masked_table(const nlohmann::json& table) {
  auto masked = table;
  for (auto& [name, value] : masked.items()) {
    if (value.is_object()) {
      value = masked_table(value);
    } else if (names_a_credential(name)) {
      value = mask;
    } else if (value.is_string()) {
      value = mask_url(value.get<std::string>());
    }
  }
  return masked;
}

}  // namespace kernel::config
