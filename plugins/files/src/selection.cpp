#include "selection.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>

namespace files {
namespace {

constexpr std::array<const char*, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                             "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::array<const char*, 7> days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// Our tags hold no comma.
bool lists(std::string_view tags, std::string_view etag, bool weakly) {
  if (trimmed(tags) == "*") return true;
  while (!tags.empty()) {
    auto tag = trimmed(tags.substr(0, tags.find(',')));
    tags.remove_prefix(std::min(tags.find(','), tags.size() - 1) + 1);
    if (weakly && tag.starts_with("W/")) tag.remove_prefix(2);
    if (tag == etag) return true;
  }
  return false;
}

/// 304 or 412, or 0 to go on (RFC 9110, 13.2.2).
int precondition(const Representation& file, const Conditions& asked) {
  if (asked.if_match) {
    if (!lists(*asked.if_match, file.etag, false)) return 412;
  } else if (asked.if_unmodified_since) {
    const auto since = parse_http_date(*asked.if_unmodified_since);
    if (since && file.modified > *since) return 412;
  }
  if (asked.if_none_match) return lists(*asked.if_none_match, file.etag, true) ? 304 : 0;
  if (asked.if_modified_since) {
    const auto since = parse_http_date(*asked.if_modified_since);
    if (since && file.modified <= *since) return 304;
  }
  return 0;
}

bool range_is_of(const Representation& file, std::string_view if_range) {
  const auto given = trimmed(if_range);
  return given == file.etag || parse_http_date(given) == file.modified;
}

/// A position; one too large for us is past every end.
std::optional<std::int64_t> position(std::string_view text) {
  if (text.empty() || text.find_first_not_of("0123456789") != text.npos) return std::nullopt;
  std::int64_t value = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), value).ec != std::errc()) return INT64_MAX;
  return value;
}

Selection select_range(std::string_view range, std::int64_t size) {
  const Selection whole{200, 0, size}, unsatisfiable{416, 0, 0};
  const auto equals = range.find('=');
  if (equals == range.npos || trimmed(range.substr(0, equals)) != "bytes") return whole;
  const auto spec = trimmed(range.substr(equals + 1));
  const auto dash = spec.find('-');
  if (dash == spec.npos) return whole;
  const auto first_text = trimmed(spec.substr(0, dash)), last_text = trimmed(spec.substr(dash + 1));
  if (first_text.empty()) {
    const auto suffix = position(last_text);
    if (!suffix) return whole;
    if (*suffix == 0 || size == 0) return unsatisfiable;
    const auto length = std::min(*suffix, size);
    return {206, size - length, length};
  }
  const auto first = position(first_text);
  const auto last = last_text.empty() ? std::optional(INT64_MAX) : position(last_text);
  if (!first || !last || *last < *first) return whole;
  if (*first >= size) return unsatisfiable;
  return {206, *first, std::min(*last, size - 1) - *first + 1};
}

}  // namespace

std::string http_date(std::int64_t seconds) {
  const auto time = static_cast<std::time_t>(seconds);
  std::tm utc{};
  gmtime_r(&time, &utc);
  std::array<char, 64> out;
  std::snprintf(out.data(), out.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                days[static_cast<std::size_t>(utc.tm_wday)], utc.tm_mday, months[static_cast<std::size_t>(utc.tm_mon)],
                utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
  return out.data();
}

std::optional<std::int64_t> parse_http_date(std::string_view text) {
  std::tm utc{};
  std::array<char, 4> month{};
  int used = 0;
  const std::string copy(trimmed(text));
  if (std::sscanf(copy.c_str(), "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d GMT%n", &utc.tm_mday, month.data(),
                  &utc.tm_year, &utc.tm_hour, &utc.tm_min, &utc.tm_sec, &used) != 6 ||
      used != static_cast<int>(copy.size()))
    return std::nullopt;
  const auto found = std::find_if(months.begin(), months.end(),
                                  [&](const char* name) { return std::string_view(name) == month.data(); });
  if (found == months.end()) return std::nullopt;
  utc.tm_mon = static_cast<int>(found - months.begin());
  utc.tm_year -= 1900;
  return timegm(&utc);
}

Selection select(const Representation& file, const Conditions& asked) {
  if (const int status = precondition(file, asked)) return {status, 0, 0};
  if (!asked.range || (asked.if_range && !range_is_of(file, *asked.if_range))) return {200, 0, file.size};
  return select_range(*asked.range, file.size);
}

}  // namespace files
