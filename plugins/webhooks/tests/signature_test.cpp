// Secrets, signatures and the schedule: what Standard Webhooks 1.0 fixes.
#include "../src/signature.hpp"

#include "../src/outbox.hpp"

#include <gtest/gtest.h>

#include <string>

using namespace std::chrono_literals;

namespace webhooks {
namespace {

TEST(Signature, IsTheOneOfTheSpecification) {
  const auto key = key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
  ASSERT_TRUE(key);
  EXPECT_EQ(sign(*key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, R"({"test": 2432232314})"),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

TEST(Signature, MadeSecretsAreGoodAndNeverTheSame) {
  const auto one = make_secret(), other = make_secret();
  EXPECT_NE(one, other);
  EXPECT_EQ(key_of(one)->size(), 32u);
}

TEST(Signature, MalformedSecretsAreNone) {
  const std::string bytes23(31, 'A'), bytes24(32, 'A');
  EXPECT_TRUE(key_of("whsec_" + bytes24));
  EXPECT_TRUE(key_of("whsec_" + std::string(84, 'A') + "AA=="));   // 64 bytes
  EXPECT_FALSE(key_of("whsec_" + std::string(84, 'A') + "AAA="));  // 65
  for (const std::string bad : {"", "whsec_", "WHSEC_AAAA", "whsec_AAAA", "whsec_?AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"})
    EXPECT_FALSE(key_of(bad)) << bad;
  EXPECT_FALSE(key_of(bytes24));
  EXPECT_FALSE(key_of("whsec_" + bytes23 + "="));
  EXPECT_FALSE(key_of("whsec_" + bytes24 + " "));
  EXPECT_FALSE(key_of("whsec_" + std::string(10'000, 'A')));
}

TEST(Schedule, PausesSpreadAroundTheirTimeAndEnd) {
  const Schedule schedule({10, 100});
  bool differ = false;
  for (int i = 0; i < 200; ++i) {
    const auto first = *schedule.pause(1, std::nullopt), second = *schedule.pause(2, std::nullopt);
    EXPECT_TRUE(first >= 8s && first <= 12s) << first.count();
    EXPECT_TRUE(second >= 80s && second <= 120s) << second.count();
    differ = differ || first != *schedule.pause(1, std::nullopt);
  }
  EXPECT_TRUE(differ);
  EXPECT_FALSE(schedule.pause(3, std::nullopt));
}

TEST(Schedule, LastsADayUnlessConfiguredOtherwise) {
  const Settings settings;
  std::int64_t seconds = 0, attempts = 1;
  for (const auto pause : settings.retry_seconds) seconds += pause, ++attempts;
  EXPECT_EQ(attempts, 8);
  EXPECT_GE(seconds, 24 * 3'600);
  EXPECT_LE(seconds, 24 * 3'600 + 600);
  const Schedule schedule(settings.retry_seconds);
  EXPECT_TRUE(schedule.pause(7, std::nullopt));
  EXPECT_FALSE(schedule.pause(8, std::nullopt));
}

TEST(Schedule, AnEndpointMayAskForMoreTimeWithinBounds) {
  const Schedule schedule({100});
  EXPECT_EQ(*schedule.pause(1, 500s), 500s);
  EXPECT_GE(*schedule.pause(1, 1s), 80s);
  EXPECT_EQ(*schedule.pause(1, 1'000'000s), 6h);
}

TEST(Schedule, RetryAfterIsANumberOrADate) {
  const auto now = *atrium::Time::parse("2026-01-31T08:00:00Z");
  EXPECT_EQ(retry_after("120", now), 120s);
  EXPECT_EQ(retry_after("Sat, 31 Jan 2026 08:01:00 GMT", now), 60s);
  for (const auto* bad : {"", "-1", "soon", "1.5", "Sat, 31 Jan 2026 07:59:00 GMT", "Sat, 31 Jan 2026"})
    EXPECT_FALSE(retry_after(bad, now)) << bad;
}

}  // namespace
}  // namespace webhooks
