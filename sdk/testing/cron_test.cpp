// Five fields of cron: what they match, and what is refused.
#include <atrium/cron.hpp>

#include <gtest/gtest.h>

namespace atrium {
namespace {

using namespace std::chrono;

WallMinute at(int y, unsigned m, unsigned d, int hour, int minute) {
  return sys_days(year(y) / month(m) / day(d)) + hours(hour) + minutes(minute);
}
WallMinute next(std::string_view fields, WallMinute after) { return Cron::parse(fields).next(after).value(); }

const WallMinute saturday = at(2026, 1, 31, 8, 30);

TEST(CronTest, the_next_time_is_later_than_the_given_one) {
  EXPECT_EQ(next("* * * * *", saturday), at(2026, 1, 31, 8, 31));
  EXPECT_EQ(next("30 8 * * *", saturday), at(2026, 2, 1, 8, 30));
  EXPECT_EQ(next("31 8 * * *", saturday), at(2026, 1, 31, 8, 31));
}
TEST(CronTest, steps_ranges_and_lists) {
  EXPECT_EQ(next("*/20 * * * *", saturday), at(2026, 1, 31, 8, 40));
  EXPECT_EQ(next("5-10/5 * * * *", saturday), at(2026, 1, 31, 9, 5));
  EXPECT_EQ(next("50/5 * * * *", saturday), at(2026, 1, 31, 8, 50));
  EXPECT_EQ(next("0 6,22,7 * * *", saturday), at(2026, 1, 31, 22, 0));
}
TEST(CronTest, months_and_weekdays_by_name_and_sunday_by_both_numbers) {
  EXPECT_EQ(next("0 0 1 Mar *", saturday), at(2026, 3, 1, 0, 0));
  EXPECT_EQ(next("0 0 * * MON-wed", saturday), at(2026, 2, 2, 0, 0));
  EXPECT_EQ(next("0 0 * * 7", saturday), at(2026, 2, 1, 0, 0));
  EXPECT_EQ(next("0 0 * * 0", saturday), at(2026, 2, 1, 0, 0));
}
TEST(CronTest, of_two_restricted_days_either_will_do) {
  EXPECT_EQ(next("0 0 15 * mon", saturday), at(2026, 2, 2, 0, 0));
  EXPECT_EQ(next("0 0 3 * mon", at(2026, 2, 2, 1, 0)), at(2026, 2, 3, 0, 0));
  EXPECT_EQ(next("0 0 */2 * mon", saturday), at(2026, 2, 9, 0, 0)) << "a step of all is no restriction: both must fit";
}
TEST(CronTest, months_without_the_day_are_passed_over) {
  EXPECT_EQ(next("0 0 31 * *", saturday), at(2026, 3, 31, 0, 0));
  EXPECT_EQ(next("0 0 29 2 *", saturday), at(2028, 2, 29, 0, 0));
  EXPECT_EQ(next("0 0 29 2 *", at(2096, 3, 1, 0, 0)), at(2104, 2, 29, 0, 0));
  EXPECT_EQ(Cron::parse("0 0 30 2 *").next(saturday), std::nullopt);
}
TEST(CronTest, what_is_wrong_is_named) {
  for (const auto* wrong :
       {"", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "*/0 * * * *",
        "5-1 * * * *", "a * * * *", "1, * * * *", "-1 * * * *", "1.5 * * * *", "* * * mondays *"}) {
    EXPECT_FALSE(Cron::is_valid(wrong)) << wrong;
  }
  try {
    Cron::parse("60 * * * *");
    ADD_FAILURE();
  } catch (const std::invalid_argument& fault) {
    EXPECT_STREQ(fault.what(), "\"60\" is not 0 to 59");
  }
}

}  // namespace
}  // namespace atrium
