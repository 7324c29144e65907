#include "auth/encoding.hpp"

#include <gtest/gtest.h>

namespace kernel::auth {
namespace {

TEST(Encoding, base64url_gives_back_what_it_took) {
  for (std::size_t size = 0; size < 70; ++size) {
    const std::string bytes = random_bytes(size);
    EXPECT_EQ(base64url_decoded(base64url(bytes)), bytes);
  }
}

TEST(Encoding, base64url_takes_one_spelling_only) {
  ASSERT_EQ(base64url("a"), "YQ");
  EXPECT_EQ(base64url_decoded("YQ"), "a");
  EXPECT_FALSE(base64url_decoded("YQ=="));  // padding
  EXPECT_FALSE(base64url_decoded("YR"));    // unused bits set
  EXPECT_FALSE(base64url_decoded("Y Q"));   // white space
  EXPECT_FALSE(base64url_decoded("YQ\n"));
  EXPECT_FALSE(base64url_decoded("Y"));     // no whole byte
  EXPECT_FALSE(base64url_decoded("+/+/"));  // the other alphabet
  EXPECT_FALSE(base64url_decoded(std::string_view("YQ\0", 3)));
}

TEST(Encoding, sha256_matches_the_published_vector) {
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Encoding, comparison_tells_equal_from_different) {
  EXPECT_TRUE(equal_in_constant_time("secret", "secret"));
  EXPECT_FALSE(equal_in_constant_time("secret", "secreT"));
  EXPECT_FALSE(equal_in_constant_time("secret", "secret "));
  EXPECT_TRUE(equal_in_constant_time("", ""));
}

}  // namespace
}  // namespace kernel::auth
