#pragma once
// The values that resources are made of: identifiers, times, money. Each knows its text form and nothing else.
#include <nlohmann/json.hpp>

#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <string_view>

namespace atrium {

using Json = nlohmann::json;

/// A point in time, microseconds since 1970 in UTC. Text: RFC 3339 with milliseconds, "2026-01-31T08:00:00.000Z".
struct Time {
  std::int64_t microseconds = 0;

  static Time now() {
    timespec ts{};
    clock_gettime(CLOCK_REALTIME, &ts);
    return {std::int64_t{ts.tv_sec} * 1'000'000 + ts.tv_nsec / 1000};
  }
  Time operator+(std::chrono::microseconds d) const { return {microseconds + d.count()}; }
  Time operator-(std::chrono::microseconds d) const { return {microseconds - d.count()}; }
  auto operator<=>(const Time&) const = default;

  std::string text() const {
    const std::time_t seconds =
        static_cast<std::time_t>(microseconds >= 0 ? microseconds / 1'000'000 : (microseconds - 999'999) / 1'000'000);
    std::tm utc{};
    gmtime_r(&seconds, &utc);
    const auto millis = static_cast<int>((microseconds - std::int64_t{seconds} * 1'000'000) / 1000);
    std::array<char, 64> out;
    const int n = std::snprintf(out.data(), out.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", utc.tm_year + 1900,
                                utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, millis);
    return {out.data(), static_cast<std::size_t>(n)};
  }

  /// Any RFC 3339 time with an offset; nullopt when it is none.
  static std::optional<Time> parse(std::string_view text);
};

namespace detail {
inline bool read_digits(std::string_view& text, std::size_t count, int& out) {
  if (text.size() < count) return false;
  out = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (text[i] < '0' || text[i] > '9') return false;
    out = out * 10 + (text[i] - '0');
  }
  text.remove_prefix(count);
  return true;
}
inline bool skip(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text.front()) == any_of.npos) return false;
  text.remove_prefix(1);
  return true;
}
}  // namespace detail

inline std::optional<Time> Time::parse(std::string_view text) {
  using detail::read_digits, detail::skip;
  int year, month, day, hour, minute, second;
  if (!read_digits(text, 4, year) || !skip(text, "-") || !read_digits(text, 2, month) || !skip(text, "-") ||
      !read_digits(text, 2, day) || !skip(text, "Tt ") || !read_digits(text, 2, hour) || !skip(text, ":") ||
      !read_digits(text, 2, minute) || !skip(text, ":") || !read_digits(text, 2, second))
    return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  std::int64_t fraction = 0;
  if (skip(text, ".")) {
    std::int64_t scale = 100'000;
    std::size_t digits = 0;
    for (; !text.empty() && text.front() >= '0' && text.front() <= '9'; text.remove_prefix(1), ++digits) {
      fraction += (text.front() - '0') * scale;
      scale /= 10;
    }
    if (digits == 0 || digits > 9) return std::nullopt;
  }
  int offset_minutes = 0;
  if (!skip(text, "Zz")) {
    const int sign = !text.empty() && text.front() == '-' ? -1 : 1;
    int hours, minutes;
    if (!skip(text, "+-") || !read_digits(text, 2, hours) || !skip(text, ":") || !read_digits(text, 2, minutes) ||
        hours > 23 || minutes > 59)
      return std::nullopt;
    offset_minutes = sign * (hours * 60 + minutes);
  }
  if (!text.empty()) return std::nullopt;
  const auto days = std::chrono::sys_days{date}.time_since_epoch().count();
  const std::int64_t seconds = days * 86'400LL + hour * 3600 + minute * 60 + second - offset_minutes * 60LL;
  return Time{seconds * 1'000'000 + fraction};
}

/// A UUID in its lower-case text form; make() gives version 7, so that ids sort by their creation.
class Id {
 public:
  Id() = default;

  static Id make() {
    thread_local std::mt19937_64 random{std::random_device{}()};
    thread_local std::uint64_t last = 0;
    timespec ts{};
    clock_gettime(CLOCK_REALTIME, &ts);
    // 48 bits of milliseconds and 12 of the fraction below them; never backwards within a thread.
    std::uint64_t stamp =
        (static_cast<std::uint64_t>(ts.tv_sec) * 1000 + static_cast<std::uint64_t>(ts.tv_nsec / 1'000'000)) << 12;
    stamp |= static_cast<std::uint64_t>(ts.tv_nsec % 1'000'000) * 4096 / 1'000'000;
    if (stamp <= last) stamp = last + 1;
    last = stamp;
    const std::uint64_t high = (stamp >> 12 << 16) | 0x7000 | (stamp & 0xfff);
    const std::uint64_t low = (random() & 0x3fff'ffff'ffff'ffff) | 0x8000'0000'0000'0000;
    Id id;
    id.write(high, low);
    return id;
  }

  /// nullopt unless it is a UUID in lower case.
  static std::optional<Id> parse(std::string_view text) {
    if (text.size() != 36) return std::nullopt;
    for (std::size_t i = 0; i < 36; ++i) {
      const char c = text[i];
      const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
      if (dash ? c != '-' : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return std::nullopt;
    }
    Id id;
    std::memcpy(id.text_.data(), text.data(), 36);
    return id;
  }

  bool empty() const { return text_[0] == '\0'; }
  std::string_view text() const { return empty() ? std::string_view{} : std::string_view{text_.data(), 36}; }
  std::string str() const { return std::string(text()); }
  auto operator<=>(const Id&) const = default;

 private:
  void write(std::uint64_t high, std::uint64_t low) {
    static constexpr char digits[] = "0123456789abcdef";
    std::size_t at = 0;
    for (int nibble = 0; nibble < 32; ++nibble) {
      if (nibble == 8 || nibble == 12 || nibble == 16 || nibble == 20) text_[at++] = '-';
      const std::uint64_t word = nibble < 16 ? high : low;
      text_[at++] = digits[(word >> (60 - 4 * (nibble % 16))) & 0xf];
    }
  }
  std::array<char, 36> text_{};
};

/// An amount in US dollars, kept as whole micro-dollars. Text: a JSON number with up to six decimals.
struct Money {
  std::int64_t micros = 0;
  auto operator<=>(const Money&) const = default;
  Money operator+(Money other) const { return {micros + other.micros}; }
  Money& operator+=(Money other) { return micros += other.micros, *this; }

  std::string text() const {
    const std::uint64_t amount =
        micros < 0 ? 0 - static_cast<std::uint64_t>(micros) : static_cast<std::uint64_t>(micros);
    std::string out = (micros < 0 ? "-" : "") + std::to_string(amount / 1'000'000);
    if (auto part = amount % 1'000'000) {
      std::string decimals = std::to_string(1'000'000 + part).substr(1);
      decimals.erase(decimals.find_last_not_of('0') + 1);
      out += '.' + decimals;
    }
    return out;
  }
};

}  // namespace atrium
