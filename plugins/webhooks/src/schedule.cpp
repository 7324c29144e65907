#include "schedule.hpp"

#include <algorithm>

namespace webhooks {
namespace {

constexpr std::int64_t spread_percent = 20;
constexpr std::chrono::seconds longest_wish = std::chrono::hours(6);

}  // namespace

std::optional<std::chrono::microseconds> Schedule::pause(std::int64_t tries,
                                                         std::optional<std::chrono::seconds> retry_after) const {
  if (tries < 1 || tries > static_cast<std::int64_t>(seconds_.size())) return std::nullopt;
  thread_local std::mt19937_64 random{std::random_device{}()};
  std::uniform_int_distribution<std::int64_t> spread(100 - spread_percent, 100 + spread_percent);
  const std::chrono::microseconds own = std::chrono::seconds(seconds_[static_cast<std::size_t>(tries - 1)]);
  const auto pause = own * spread(random) / 100;
  if (!retry_after) return pause;
  return std::max<std::chrono::microseconds>(pause, std::min(*retry_after, longest_wish));
}

std::optional<std::chrono::seconds> retry_after(std::string_view header, atrium::Time now) {
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(header.data(), header.data() + header.size(), seconds);
  if (error == std::errc() && end == header.data() + header.size() && seconds >= 0)
    return std::chrono::seconds(std::min<std::int64_t>(seconds, 1'000'000));
  std::tm utc{};
  const std::string text(header);
  if (const char* rest = strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &utc); !rest || *rest != '\0')
    return std::nullopt;
  seconds = timegm(&utc) - now.microseconds / 1'000'000;
  if (seconds < 0) return std::nullopt;
  return std::chrono::seconds(std::min<std::int64_t>(seconds, 1'000'000));
}

}  // namespace webhooks
