#include "auth/password_policy.hpp"
#include "auth/common_passwords.hpp"

#include <gtest/gtest.h>

namespace kernel::auth {
namespace {

bool refused(const PasswordPolicy& policy, std::string_view password, std::string_view email = "ann@example.org") {
  return policy.fault_of(password, email).has_value();
}

TEST(PasswordPolicyTest, length_counts_in_characters_and_composition_does_not) {
  PasswordPolicy policy;
  policy.forbid_common = false;
  EXPECT_FALSE(refused(policy, "aaaaaaaaaaaa"));
  EXPECT_TRUE(refused(policy, "aaaaaaaaaaa"));
  EXPECT_FALSE(refused(policy, "éééééééééééé"));
  EXPECT_TRUE(refused(policy, "éééééé"));  // 12 bytes, 6 characters
  EXPECT_FALSE(refused(policy, std::string(128, 'a')));
  EXPECT_TRUE(refused(policy, std::string(129, 'a')));
  EXPECT_TRUE(refused(policy, std::string("correct horse\0battery", 21)));
}

TEST(PasswordPolicyTest, every_rule_that_is_broken_is_named) {
  PasswordPolicy policy;
  policy.require_uppercase = policy.require_lowercase = policy.require_digit = policy.require_symbol = true;
  const auto fault = policy.fault_of("short", "").value();
  for (const auto* part : {"at least 12", "upper-case", "digit", "sign"})
    EXPECT_NE(fault.find(part), fault.npos) << fault;
  EXPECT_EQ(fault.find("lower-case"), fault.npos);
  EXPECT_FALSE(refused(policy, "Correct horse 7"));
}

TEST(PasswordPolicyTest, what_is_guessed_first_is_refused) {
  const PasswordPolicy policy;
  for (const auto* password : {"passwordpassword", "password1234", "PASSWORD!2024", "123456789012", "0123456789012345",
                               "210987654321", "abcdefghijklmnop", "aaaaaaaaaaaa", "abcabcabcabc", "121212121212",
                               "justinbieber", "1q2w3e4r5t6y", "dragon!!!!!!!!!", "atrium123456", "Ann@Example.org"})
    EXPECT_TRUE(refused(policy, password)) << password;
  EXPECT_TRUE(refused(policy, "johannes-1985", "johannes@example.org"));
  for (const auto* password : {"correct horse battery", "violet 7 kettle drum", "qzv8wmxk2trj"})
    EXPECT_FALSE(refused(policy, password)) << password;
}

TEST(PasswordPolicyTest, each_line_of_the_list_is_found) {
  std::size_t begin = 0, lines = 0;
  while (begin < common_password_list.size()) {
    const auto end = common_password_list.find('\n', begin);
    EXPECT_TRUE(is_common_password(common_password_list.substr(begin, end - begin)));
    begin = end + 1;
    ++lines;
  }
  EXPECT_GT(lines, 25'000u);
}

TEST(PasswordPolicyTest, the_bounds_of_the_two_lengths_never_cross) {
  double least = 0, most = 0;
  for (const auto& definition : PasswordPolicy::definitions()) {
    if (definition.key == "min_length") most = *definition.maximum;
    if (definition.key == "max_length") least = *definition.minimum;
  }
  EXPECT_LE(most, least);
}

}  // namespace
}  // namespace kernel::auth
