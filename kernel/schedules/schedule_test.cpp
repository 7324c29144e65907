#include "schedules/schedule.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

namespace kernel::schedules {
namespace {

atrium::Time at(const char* text) { return atrium::Time::parse(text).value(); }
std::string next(const char* schedule, const char* now) {
  return Schedule::parse(schedule).next(at(now), at(now)).text();
}

TEST(ScheduleTest, fields_alone_are_utc) {
  EXPECT_EQ(next("0 3 * * *", "2026-01-31T08:00:00Z"), "2026-02-01T03:00:00.000Z");
}
TEST(ScheduleTest, a_zone_has_its_own_three_o_clock_in_summer_and_winter) {
  EXPECT_EQ(next("0 3 * * * Europe/Berlin", "2026-01-31T08:00:00Z"), "2026-02-01T02:00:00.000Z");
  EXPECT_EQ(next("0 3 * * * Europe/Berlin", "2026-07-31T08:00:00Z"), "2026-08-01T01:00:00.000Z");
}
TEST(ScheduleTest, a_time_that_the_clocks_skip_is_the_moment_of_the_change) {
  EXPECT_EQ(next("30 2 * * * Europe/Berlin", "2026-03-28T12:00:00Z"), "2026-03-29T01:00:00.000Z");
  EXPECT_EQ(next("30 2 * * * Europe/Berlin", "2026-03-29T01:00:00Z"), "2026-03-30T00:30:00.000Z");
}
TEST(ScheduleTest, a_time_that_comes_twice_counts_once) {
  EXPECT_EQ(next("30 2 * * * Europe/Berlin", "2026-10-24T12:00:00Z"), "2026-10-25T00:30:00.000Z");
  EXPECT_EQ(next("30 2 * * * Europe/Berlin", "2026-10-25T00:30:00Z"), "2026-10-26T01:30:00.000Z");
  EXPECT_EQ(next("30 2 * * * Europe/Berlin", "2026-10-25T01:10:00Z"), "2026-10-26T01:30:00.000Z");
}
TEST(ScheduleTest, a_pace_is_kept_over_what_was_missed) {
  const auto pace = Schedule::parse("@every 6h");
  const auto due = at("2026-01-31T08:00:00Z");
  EXPECT_EQ(pace.next(due, due), at("2026-01-31T14:00:00Z"));
  EXPECT_EQ(pace.next(due, at("2026-02-01T09:30:00Z")), at("2026-02-01T14:00:00Z"));
}
TEST(ScheduleTest, what_is_wrong_is_said) {
  for (const auto* wrong : {"", "0 3 * *", "0 3 * * * Nowhere/City", "0 3 30 2 *", "@every", "@every 0s", "@every 5",
                            "@every 400d", "@every -1h", "@daily"}) {
    EXPECT_THROW(Schedule::parse(wrong), std::invalid_argument) << wrong;
  }
}

}  // namespace
}  // namespace kernel::schedules
