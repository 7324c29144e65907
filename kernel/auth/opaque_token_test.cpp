#include "auth/opaque_token.hpp"

#include <gtest/gtest.h>

#include <set>

namespace kernel::auth {
namespace {

TEST(OpaqueToken, each_is_different_and_well_formed) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string token = make_opaque_token(issued_token_prefix);
    EXPECT_TRUE(is_opaque_token(token, issued_token_prefix));
    EXPECT_TRUE(seen.insert(token).second);
  }
}

TEST(OpaqueToken, a_typing_error_is_noticed_without_the_database) {
  const std::string token = make_opaque_token(issued_token_prefix);
  for (std::size_t at = 0; at < token.size(); ++at) {
    std::string changed = token;
    changed[at] = changed[at] == 'x' ? 'y' : 'x';
    EXPECT_FALSE(is_opaque_token(changed, issued_token_prefix));
  }
  EXPECT_FALSE(is_opaque_token(token.substr(1), issued_token_prefix));
  EXPECT_FALSE(is_opaque_token(token + 'x', issued_token_prefix));
  EXPECT_FALSE(is_opaque_token("", issued_token_prefix));
}

TEST(OpaqueToken, one_kind_does_not_pass_for_another) {
  EXPECT_FALSE(is_opaque_token(make_opaque_token(refresh_token_prefix), issued_token_prefix));
  const std::string token = make_opaque_token(refresh_token_prefix);
  EXPECT_FALSE(is_opaque_token(std::string(issued_token_prefix) + token.substr(4), issued_token_prefix));
}

TEST(OpaqueToken, what_is_stored_does_not_give_it_away) {
  const std::string token = make_opaque_token(issued_token_prefix), hash = opaque_token_hash(token);
  EXPECT_EQ(hash.size(), 64u);
  EXPECT_EQ(hash, opaque_token_hash(token));
  EXPECT_EQ(hash.find(token.substr(4, 8)), std::string::npos);
}

}  // namespace
}  // namespace kernel::auth
