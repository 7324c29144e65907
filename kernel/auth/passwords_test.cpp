#include "auth/passwords.hpp"

#include <atrium/problem.hpp>

#include <gtest/gtest.h>

#include <future>
#include <vector>

namespace kernel::auth {
namespace {

Passwords::Options cheap() {
  Passwords::Options options;
  options.cost = {.passes = 1, .memory_kib = 64, .lanes = 1};
  return options;
}

TEST(PasswordsTest, the_right_password_matches_and_no_other) {
  Passwords passwords(cheap());
  const std::string encoded = passwords.hash("correct horse battery");
  EXPECT_TRUE(passwords.verify("correct horse battery", encoded).matches);
  EXPECT_FALSE(passwords.verify("correct horse batterz", encoded).matches);
  EXPECT_FALSE(passwords.verify("", encoded).matches);
  EXPECT_FALSE(passwords.verify(std::string(100'000, 'a'), encoded).matches);
}

TEST(PasswordsTest, the_same_password_is_stored_differently_each_time) {
  Passwords passwords(cheap());
  EXPECT_NE(passwords.hash("correct horse battery"), passwords.hash("correct horse battery"));
}

TEST(PasswordsTest, the_defaults_stand_in_the_hash) {
  Passwords passwords;
  EXPECT_EQ(passwords.hash("correct horse battery").find("$argon2id$v=19$m=65536,t=3,p=4$"), 0u);
}

TEST(PasswordsTest, raised_parameters_ask_for_a_new_hash) {
  const std::string old_hash = Passwords(cheap()).hash("correct horse battery");
  auto options = cheap();
  EXPECT_FALSE(Passwords(options).verify("correct horse battery", old_hash).rehash);
  options.cost.memory_kib *= 2;
  EXPECT_TRUE(Passwords(options).verify("correct horse battery", old_hash).rehash);
  EXPECT_FALSE(Passwords(options).verify("wrong", old_hash).rehash);
}

TEST(PasswordsTest, an_unknown_account_costs_a_real_verification) {
  // With no turn left, what computes a hash has to wait for one; what took a short cut would return.
  auto options = cheap();
  options.threads.threads = 0;
  options.threads.max_waiting = 0;
  Passwords passwords(options);
  EXPECT_THROW(passwords.verify_nothing("correct horse battery"), atrium::Problem);
}

TEST(PasswordsTest, too_many_at_once_are_refused_with_a_time_to_come_back) {
  auto options = cheap();
  options.cost.memory_kib = 16 * 1024;
  options.threads.threads = 1;
  options.threads.max_waiting = 1;
  Passwords passwords(options);
  std::vector<std::future<int>> results;
  for (int i = 0; i < 16; ++i)
    results.push_back(std::async(std::launch::async, [&] {
      try {
        passwords.hash("correct horse battery");
        return 200;
      } catch (const atrium::Problem& problem) {
        EXPECT_FALSE(problem.headers.empty());
        return problem.status;
      }
    }));
  int refused = 0;
  for (auto& result : results) {
    const int status = result.get();
    EXPECT_TRUE(status == 200 || status == 503);
    refused += status == 503;
  }
  EXPECT_LT(refused, 16);
  EXPECT_TRUE(passwords.verify("correct horse battery", passwords.hash("correct horse battery")).matches);
}

}  // namespace
}  // namespace kernel::auth
