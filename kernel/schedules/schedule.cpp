#include "schedules/schedule.hpp"

#include <date/tz.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace kernel::schedules {
namespace {

using namespace std::chrono;
using atrium::Time;
using atrium::WallMinute;

constexpr std::string_view every = "@every ";

std::invalid_argument wrong(std::string_view text, const std::string& why) {
  return std::invalid_argument("\"" + std::string(text) + "\" is no schedule: " + why);
}

seconds pace_of(std::string_view text) {
  const auto number = text.substr(every.size());
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), count);
  const std::string_view unit(end, static_cast<std::size_t>(number.data() + number.size() - end));
  const auto scale = unit == "s" ? 1 : unit == "m" ? 60 : unit == "h" ? 3600 : unit == "d" ? 86'400 : 0;
  if (error != std::errc() || scale == 0 || count < 1 || count > 366 * 86'400 / scale)
    throw wrong(text, "write 1s to 366d, such as @every 90s or @every 6h");
  return seconds(count * scale);
}

/// A wall-clock time as UTC. One that a change of the clocks skips is the moment of that change; one that comes twice
/// is the first.
sys_seconds utc_of(const date::time_zone& zone, WallMinute wall) {
  const date::local_seconds local{wall.time_since_epoch()};
  const auto info = zone.get_info(local);
  if (info.result == date::local_info::nonexistent) return info.second.begin;
  return sys_seconds(local.time_since_epoch() - info.first.offset);
}

}  // namespace

Schedule Schedule::parse(std::string_view text) {
  if (text.starts_with(every)) return Schedule(pace_of(text));
  const auto last = text.substr(text.find_last_of(' ') + 1);
  const bool has_zone = std::count(text.begin(), text.end(), ' ') >= 5;
  const date::time_zone* zone = nullptr;
  try {
    zone = date::locate_zone(has_zone ? last : std::string_view("UTC"));
  } catch (const std::runtime_error&) {
    throw wrong(text, "there is no time zone " + std::string(last));
  }
  const Wall wall{atrium::Cron::parse(has_zone ? text.substr(0, text.size() - last.size()) : text), zone};
  if (!wall.cron.next(WallMinute())) throw wrong(text, "no day fits it");
  return Schedule(wall);
}

Time Schedule::next(const Wall& wall, Time now) {
  const auto local = wall.zone->to_local(sys_time<microseconds>(microseconds(now.microseconds)));
  auto minute = floor<minutes>(WallMinute::clock::time_point(local.time_since_epoch()));
  // Where the clocks are set back, minutes of the wall come again that have passed already.
  for (;;) {
    minute = wall.cron.next(minute).value_or(minute + days(366 * 40));
    const Time time{microseconds(utc_of(*wall.zone, minute).time_since_epoch()).count()};
    if (time > now) return time;
  }
}

Time Schedule::next(Time due, Time now) const {
  if (const auto* wall = std::get_if<Wall>(&rule_)) return next(*wall, now);
  const auto pace = microseconds(std::get<Pace>(rule_)).count();
  const auto passed = std::max<std::int64_t>(0, now.microseconds - due.microseconds) / pace;
  return due + microseconds((passed + 1) * pace);
}

}  // namespace kernel::schedules
