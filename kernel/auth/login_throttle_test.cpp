#include "auth/login_throttle.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace kernel::auth {
namespace {

using namespace std::chrono_literals;

class LoginThrottleTest : public ::testing::Test {
 protected:
  bool held(const std::string& account, const std::string& address) {
    return throttle_.begin(account, address, limits_, now_).has_value();
  }
  LoginThrottle throttle_{{.max_entries = 100, .failures_an_address_for_each_of_an_account = 2}};
  LoginThrottle::Limits limits_{.max_failures = 3, .lockout = 60s};
  LoginThrottle::Clock::time_point now_ = LoginThrottle::Clock::now();
};

TEST_F(LoginThrottleTest, an_account_is_held_back_after_its_failures_whoever_guesses) {
  EXPECT_FALSE(held("ann", "10.0.0.1"));
  EXPECT_FALSE(held("ann", "10.0.0.2"));
  EXPECT_FALSE(held("ann", "10.0.0.3"));
  EXPECT_TRUE(held("ann", "10.0.0.4"));
  EXPECT_FALSE(held("bob", "10.0.0.4"));
}

TEST_F(LoginThrottleTest, an_address_is_held_back_whichever_accounts_it_tries) {
  for (int i = 0; i < 6; ++i) EXPECT_FALSE(held("account" + std::to_string(i), "10.0.0.1"));
  EXPECT_TRUE(held("another", "10.0.0.1"));
  EXPECT_FALSE(held("another", "10.0.0.2"));
}

TEST_F(LoginThrottleTest, the_addresses_of_one_ipv6_network_count_together) {
  for (int i = 0; i < 6; ++i) EXPECT_FALSE(held("account" + std::to_string(i), "2001:db8::" + std::to_string(i)));
  EXPECT_TRUE(held("another", "2001:db8::ffff"));
  EXPECT_FALSE(held("another", "2001:db8:0:1::1"));
}

TEST_F(LoginThrottleTest, it_says_how_long_and_keeps_to_it) {
  for (int i = 0; i < 3; ++i) held("ann", "10.0.0.1");
  now_ += 20s;
  EXPECT_EQ(throttle_.begin("ann", "10.0.0.1", limits_, now_), 40s);
  EXPECT_EQ(throttle_.begin("ann", "10.0.0.1", limits_, now_), 40s);  // asking again does not make it longer
  now_ += 40s;
  EXPECT_FALSE(held("ann", "10.0.0.1"));
}

TEST_F(LoginThrottleTest, success_forgets_the_failures) {
  held("ann", "10.0.0.1");
  held("ann", "10.0.0.1");
  held("ann", "10.0.0.1");
  throttle_.succeeded("ann", "10.0.0.1");
  EXPECT_FALSE(held("ann", "10.0.0.1"));
}

TEST_F(LoginThrottleTest, an_undecided_attempt_does_not_count) {
  for (int i = 0; i < 10; ++i) {
    EXPECT_FALSE(held("ann", "10.0.0.1"));
    throttle_.undecided("ann", "10.0.0.1");
  }
}

TEST_F(LoginThrottleTest, strangers_cannot_fill_the_memory) {
  for (int i = 0; i < 10'000; ++i) held("account" + std::to_string(i), "10.1." + std::to_string(i / 250) + ".1");
  EXPECT_FALSE(held("ann", "10.0.0.1"));  // still works, and the oldest were forgotten
}

}  // namespace
}  // namespace kernel::auth
