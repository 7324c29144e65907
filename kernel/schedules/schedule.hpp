#pragma once
// When a scheduled job runs: by cron's five fields and a time zone, or at a steady pace.
#include <atrium/cron.hpp>
#include <atrium/types.hpp>

#include <chrono>
#include <string_view>
#include <variant>

namespace date {
class time_zone;
}

namespace kernel::schedules {

class Schedule {
 public:
  /// "0 3 * * *" (UTC), "0 3 * * * Europe/Berlin", "@every 90s" (s, m, h, d). Throws std::invalid_argument that says
  /// what is wrong.
  static Schedule parse(std::string_view text);

  /// The first time after `now`. A pace is kept from `due`, which is a time of this schedule, or the beginning.
  atrium::Time next(atrium::Time due, atrium::Time now) const;

 private:
  struct Wall {
    atrium::Cron cron;
    const date::time_zone* zone;
  };
  using Pace = std::chrono::seconds;
  explicit Schedule(std::variant<Wall, Pace> rule) : rule_(rule) {}
  static atrium::Time next(const Wall& wall, atrium::Time now);

  std::variant<Wall, Pace> rule_;
};

}  // namespace kernel::schedules
