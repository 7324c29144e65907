#include "routing/rate_limit.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace kernel::routing {
namespace {

using namespace std::chrono_literals;

TEST(RateLimit, AllowsTheQuotaAtOnceThenItsRate) {
  RateLimit limit("address", 10, 10s);
  const auto now = RateLimit::Clock::time_point{} + 1h;
  for (int i = 9; i >= 0; --i) {
    const auto verdict = limit.take("a", now);
    EXPECT_TRUE(verdict.allowed);
    EXPECT_EQ(verdict.remaining, i);
  }
  const auto refused = limit.take("a", now);
  EXPECT_FALSE(refused.allowed);
  EXPECT_EQ(refused.reset, 1s);
  EXPECT_TRUE(limit.take("b", now).allowed);
  EXPECT_TRUE(limit.take("a", now + 1s).allowed);
  EXPECT_FALSE(limit.take("a", now + 1s).allowed);
  EXPECT_EQ(limit.take("a", now + 1min).remaining, 9);
}

TEST(RateLimit, SaysItsPolicyAndState) {
  RateLimit limit("address", 600, 60s);
  EXPECT_EQ(limit.policy(), "\"address\";q=600;w=60");
  EXPECT_EQ(limit.state(limit.take("a")), "\"address\";r=599;t=1");
}

TEST(RateLimit, AChangedQuotaCountsWhatWasUsed) {
  RateLimit limit("address", 4, 60s);
  const auto now = RateLimit::Clock::time_point{} + 1h;
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(limit.take("a", now).allowed);
  limit.set_quota(2);
  EXPECT_FALSE(limit.take("a", now).allowed);
  EXPECT_TRUE(limit.take("b", now).allowed);
  EXPECT_TRUE(limit.take("b", now).allowed);
  EXPECT_FALSE(limit.take("b", now).allowed);
  limit.set_quota(0);
  EXPECT_TRUE(limit.take("a", now).allowed);
  EXPECT_FALSE(limit.active());
}

TEST(RateLimit, StillLimitsAfterMoreKeysThanItHolds) {
  RateLimit limit("address", 2, 60s);
  const auto now = RateLimit::Clock::time_point{} + 1h;
  for (int i = 0; i < 300'000; ++i) EXPECT_TRUE(limit.take(std::to_string(i), now).allowed);
  EXPECT_TRUE(limit.take("x", now).allowed);
  EXPECT_TRUE(limit.take("x", now).allowed);
  EXPECT_FALSE(limit.take("x", now).allowed);
}

TEST(RateLimit, SeesOneNetworkOfIpv6AsOneClient) {
  EXPECT_EQ(rate_limit_key("2001:db8:1:2:3:4:5:6"), rate_limit_key("2001:db8:1:2::9"));
  EXPECT_NE(rate_limit_key("2001:db8:1:2::9"), rate_limit_key("2001:db8:1:3::9"));
  EXPECT_EQ(rate_limit_key("192.0.2.1"), "192.0.2.1");
}

}  // namespace
}  // namespace kernel::routing
