#include "auth/totp.hpp"

#include <gtest/gtest.h>

namespace kernel::auth::totp {
namespace {

constexpr std::string_view rfc_secret = "12345678901234567890";

atrium::Time seconds(std::int64_t count) { return {count * 1'000'000}; }

TEST(Totp, the_vectors_of_rfc_6238) {
  struct Vector {
    std::int64_t time;
    const char* code;
  };
  for (const auto& [time, expected] :
       {Vector{59, "94287082"}, Vector{1111111109, "07081804"}, Vector{1111111111, "14050471"},
        Vector{1234567890, "89005924"}, Vector{2000000000, "69279037"}, Vector{20000000000, "65353130"}})
    EXPECT_EQ(code(rfc_secret, step_at(seconds(time)), 8), expected) << time;
}

TEST(Totp, the_vectors_of_rfc_4226) {
  const char* expected[] = {"755224", "287082", "359152", "969429", "338314",
                            "254676", "287922", "162583", "399871", "520489"};
  for (std::int64_t counter = 0; counter < 10; ++counter)
    EXPECT_EQ(code(rfc_secret, counter), expected[counter]) << counter;
}

TEST(Totp, a_code_counts_one_step_early_and_one_step_late) {
  const std::string shown = code(rfc_secret, 100);
  EXPECT_EQ(matching_step(rfc_secret, shown, seconds(99 * 30), 0), 100);
  EXPECT_EQ(matching_step(rfc_secret, shown, seconds(100 * 30), 0), 100);
  EXPECT_EQ(matching_step(rfc_secret, shown, seconds(102 * 30 - 1), 0), 100);
  EXPECT_EQ(matching_step(rfc_secret, shown, seconds(99 * 30 - 1), 0), std::nullopt);
  EXPECT_EQ(matching_step(rfc_secret, shown, seconds(102 * 30), 0), std::nullopt);
}

TEST(Totp, a_step_that_was_accepted_or_one_before_it_does_not_count_again) {
  EXPECT_EQ(matching_step(rfc_secret, code(rfc_secret, 100), seconds(3000), 99), 100);
  EXPECT_EQ(matching_step(rfc_secret, code(rfc_secret, 100), seconds(3000), 100), std::nullopt);
  EXPECT_EQ(matching_step(rfc_secret, code(rfc_secret, 99), seconds(3000), 100), std::nullopt);
}

TEST(Totp, what_is_no_code_matches_nothing) {
  for (const char* given : {"", "0", "00000", "0000000", "755 224", "abcdef", "-55224"})
    EXPECT_EQ(matching_step(rfc_secret, given, seconds(0), -10), std::nullopt) << given;
}

TEST(Totp, base32_as_rfc_4648_has_it) {
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "MY"},
                                                         {"fo", "MZXQ"},
                                                         {"foo", "MZXW6"},
                                                         {"foob", "MZXW6YQ"},
                                                         {"fooba", "MZXW6YTB"},
                                                         {"foobar", "MZXW6YTBOI"}};
  for (const auto& [plain, encoded] : vectors) EXPECT_EQ(base32(plain), encoded);
}

TEST(Totp, the_uri_names_issuer_and_account_and_cannot_be_broken_out_of) {
  EXPECT_EQ(otpauth_uri("ann@example.org", rfc_secret),
            "otpauth://totp/Atrium:ann%40example.org?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Atrium"
            "&algorithm=SHA1&digits=6&period=30");
  EXPECT_EQ(otpauth_uri("a?secret=X&:/\xc3\xa4@b", "").find("otpauth://totp/Atrium:a%3Fsecret%3DX%26%3A%2F%C3%A4%40b?"),
            0u);
}

}  // namespace
}  // namespace kernel::auth::totp
