#pragma once
// Times by five fields, as cron knows them: minute, hour, day of the month, month, day of the week. Wall-clock time:
// the zone is its user's.
#include <algorithm>
#include <array>
#include <bitset>
#include <charconv>
#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace atrium {

/// A minute on the wall's clock, written as if it were UTC.
using WallMinute = std::chrono::sys_time<std::chrono::minutes>;

class Cron {
 public:
  /// Each field: `*`, numbers, ranges `1-5`, lists `1,2`, steps `*/15`; months and days of the week also by name,
  /// Sunday is 0 or 7. Where both days are restricted, either will do. Throws std::invalid_argument that names what is
  /// wrong.
  static Cron parse(std::string_view text) {
    Cron cron;
    std::array<std::string_view, 5> fields;
    std::size_t count = 0;
    for (std::size_t at = text.find_first_not_of(' '); at != text.npos; at = text.find_first_not_of(' ', at)) {
      const auto end = std::min(text.find(' ', at), text.size());
      if (count == fields.size()) throw wrong(text, "has more than five fields");
      fields[count++] = text.substr(at, end - at);
      at = end;
    }
    if (count != fields.size()) throw wrong(text, "has not five fields: minute hour day month weekday");
    cron.minutes_ = read(fields[0], 0, 59, {});
    cron.hours_ = read(fields[1], 0, 23, {});
    cron.days_ = read(fields[2], 1, 31, {});
    cron.months_ = read(fields[3], 1, 12, month_names);
    cron.weekdays_ = read(fields[4], 0, 7, weekday_names);
    if (cron.weekdays_[7]) cron.weekdays_.set(0);
    cron.any_day_ = fields[2].front() == '*';
    cron.any_weekday_ = fields[4].front() == '*';
    return cron;
  }
  static bool is_valid(const std::string& text) {
    try {
      parse(text);
      return true;
    } catch (const std::invalid_argument&) {
      return false;
    }
  }

  /// The first time later than this minute; none where no day fits, such as 30 February.
  std::optional<WallMinute> next(WallMinute after) const {
    using namespace std::chrono;
    const auto from = after + minutes(1);
    auto day = floor<days>(from);
    // Weekdays and leap years come round within 28 years, or 40 around a century without a leap day.
    for (const auto last = day + days(366 * 40); day <= last; day += days(1)) {
      if (!fits(day)) continue;
      const auto begin = day == floor<days>(from) ? (from - day).count() : 0;
      for (auto minute = begin; minute < 24 * 60; ++minute) {
        const auto hour = static_cast<std::size_t>(minute / 60);
        if (hours_[hour] && minutes_[static_cast<std::size_t>(minute % 60)]) return day + minutes(minute);
      }
    }
    return std::nullopt;
  }

 private:
  using Set = std::bitset<60>;
  static constexpr std::array<std::string_view, 12> month_list{"jan", "feb", "mar", "apr", "may", "jun",
                                                               "jul", "aug", "sep", "oct", "nov", "dec"};
  static constexpr std::array<std::string_view, 7> weekday_list{"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
  struct Names {
    const std::string_view* first = nullptr;
    std::size_t count = 0;
    int lowest = 0;
  };
  static constexpr Names month_names{month_list.data(), month_list.size(), 1};
  static constexpr Names weekday_names{weekday_list.data(), weekday_list.size(), 0};

  static std::invalid_argument wrong(std::string_view what, std::string_view why) {
    return std::invalid_argument("\"" + std::string(what) + "\" " + std::string(why));
  }
  bool fits(std::chrono::sys_days day) const {
    const std::chrono::year_month_day date(day);
    if (!months_[static_cast<unsigned>(date.month())]) return false;
    const bool by_day = days_[static_cast<unsigned>(date.day())];
    const bool by_weekday = weekdays_[std::chrono::weekday(day).c_encoding()];
    return any_day_ || any_weekday_ ? by_day && by_weekday : by_day || by_weekday;
  }
  static int number(std::string_view text, int least, int most, Names names) {
    for (std::size_t i = 0; i < names.count; ++i) {
      const auto same = [](char a, char b) { return (a | 0x20) == b; };
      if (std::equal(text.begin(), text.end(), names.first[i].begin(), names.first[i].end(), same))
        return names.lowest + static_cast<int>(i);
    }
    int value = 0;
    const auto end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || stopped != end || value < least || value > most)
      throw wrong(text, "is not " + std::to_string(least) + " to " + std::to_string(most));
    return value;
  }
  static Set read(std::string_view field, int least, int most, Names names) {
    Set set;
    for (std::size_t at = 0; at <= field.size();) {
      const auto comma = std::min(field.find(',', at), field.size());
      const auto item = field.substr(at, comma - at);
      at = comma + 1;
      const auto slash = item.find('/');
      const auto range = item.substr(0, slash);
      const auto dash = range.find('-');
      const int step = slash == item.npos ? 1 : number(item.substr(slash + 1), 1, most, {});
      int first = least, last = most;
      if (range != "*") {
        first = number(range.substr(0, dash), least, most, names);
        if (dash != range.npos)
          last = number(range.substr(dash + 1), least, most, names);
        else if (slash == item.npos)
          last = first;
        if (first > last) throw wrong(range, "ends before it begins");
      }
      for (int value = first; value <= last; value += step) set.set(static_cast<std::size_t>(value));
    }
    return set;
  }

  Set minutes_, hours_, days_, months_, weekdays_;
  bool any_day_ = false, any_weekday_ = false;
};

}  // namespace atrium
