#include "routing/ip_rules.hpp"

#include <atrium/problem.hpp>

#include <gtest/gtest.h>

namespace kernel::routing {
namespace {

bool takes(const std::vector<IpRule>& rules, std::string_view address) {
  return IpDecision(rules).takes(parse_address(address).value());
}

TEST(IpRulesTest, WithoutRulesEverybodyMayCome) {
  EXPECT_TRUE(takes({}, "192.0.2.1"));
  EXPECT_TRUE(takes({}, "2001:db8::1"));
}

TEST(IpRulesTest, ABlockedRangeIsKeptOutAndNobodyElse) {
  const std::vector<IpRule> rules{{"192.0.2.0/24", IpAction::block, ""}, {"2001:db8::/32", IpAction::block, ""}};
  EXPECT_FALSE(takes(rules, "192.0.2.255"));
  EXPECT_TRUE(takes(rules, "192.0.3.0"));
  EXPECT_FALSE(takes(rules, "2001:db8:ffff::1"));
  EXPECT_TRUE(takes(rules, "2001:db9::1"));
}

TEST(IpRulesTest, WhereSomethingIsAllowedNothingElseIs) {
  const std::vector<IpRule> rules{{"10.0.0.0/8", IpAction::allow, ""}};
  EXPECT_TRUE(takes(rules, "10.255.0.1"));
  EXPECT_FALSE(takes(rules, "11.0.0.1"));
  EXPECT_FALSE(takes(rules, "2001:db8::1"));
}

TEST(IpRulesTest, TheFirstRuleThatNamesTheAddressDecides) {
  const std::vector<IpRule> rules{{"10.0.0.7", IpAction::block, ""}, {"10.0.0.0/8", IpAction::allow, ""}};
  EXPECT_FALSE(takes(rules, "10.0.0.7"));
  EXPECT_TRUE(takes(rules, "10.0.0.8"));
  EXPECT_TRUE(takes({rules[1], rules[0]}, "10.0.0.7"));
}

TEST(IpRulesTest, AMappedAddressIsTheOneItMaps) {
  EXPECT_FALSE(takes({{"192.0.2.0/24", IpAction::block, ""}}, "::ffff:192.0.2.9"));
  EXPECT_FALSE(takes({{"::ffff:192.0.2.9", IpAction::block, ""}}, "192.0.2.9"));
}

TEST(IpRulesTest, EveryMalformedRangeIsNamed) {
  try {
    IpDecision(
        {{"10.0.0.0/33", IpAction::block, ""}, {"10.0.0.0/8", IpAction::block, ""}, {"home", IpAction::block, ""}});
    FAIL();
  } catch (const atrium::Problem& problem) {
    ASSERT_EQ(problem.errors.size(), 2u);
    EXPECT_EQ(problem.errors[0].pointer, "/rules/0/cidr");
    EXPECT_EQ(problem.errors[1].pointer, "/rules/2/cidr");
  }
}

}  // namespace
}  // namespace kernel::routing
