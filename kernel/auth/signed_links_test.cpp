#include "auth/signed_links.hpp"

#include <gtest/gtest.h>

namespace kernel::auth {
namespace {

constexpr std::int64_t now = 1'800'000'000'000'000, later = now + 1;
const std::string path = "/api/v1/files/01a20d5a-d50d-7f9e-a9a4-2ac7ca20b80d/download";

http::RequestHead head_of(const std::string& target) {
  http::RequestHead head;
  head.target = target;
  const auto question = target.find('?');
  head.path = target.substr(0, question);
  if (question != std::string::npos) head.query = target.substr(question + 1);
  return head;
}

class SignedLinksTest : public ::testing::Test {
 protected:
  Outcome verify(const std::string& target, std::int64_t at = now, std::string_view owner = "files") const {
    return links_.verify(owner, head_of(target), at);
  }
  SignedLinks links_{std::string(32, 'k')};
  std::string link_ = links_.sign("files", path, later);
};

TEST_F(SignedLinksTest, ALinkLetsInUntilItsTimeIsOver) {
  const auto good = verify(link_);
  ASSERT_TRUE(std::holds_alternative<PrincipalPtr>(good));
  EXPECT_EQ(std::get<PrincipalPtr>(good)->kind, "link");
  EXPECT_EQ(std::get<PrincipalPtr>(good)->id, path);
  EXPECT_TRUE(std::holds_alternative<Rejected>(verify(link_, later)));
}

TEST_F(SignedLinksTest, OneChangedByteAnywhereIsRefused) {
  for (std::size_t at = 0; at < link_.size(); ++at) {
    auto changed = link_;
    changed[at] = changed[at] == 'a' ? 'b' : 'a';
    if (link_[at] == '?') continue;  // then it has no query, and is no link
    EXPECT_TRUE(std::holds_alternative<Rejected>(verify(changed))) << changed;
  }
  for (const auto* more : {"&x=1", "A", "%20", "&"})
    EXPECT_TRUE(std::holds_alternative<Rejected>(verify(link_ + more)));
}

TEST_F(SignedLinksTest, ItIsOfOneOwnerAndOneKey) {
  EXPECT_TRUE(std::holds_alternative<Rejected>(verify(link_, now, "other")));
  EXPECT_TRUE(std::holds_alternative<Rejected>(SignedLinks(std::string(32, 'x')).verify("files", head_of(link_), now)));
}

TEST_F(SignedLinksTest, AnOrdinaryQueryIsNoLink) {
  for (const auto* query : {"", "?", "?limit=3", "?limit=3&offset=1"})
    EXPECT_TRUE(std::holds_alternative<Anonymous>(verify(path + query))) << query;
}

}  // namespace
}  // namespace kernel::auth
