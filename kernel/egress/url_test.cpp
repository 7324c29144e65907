#include "egress/url.hpp"

#include <gtest/gtest.h>

namespace kernel::egress {
namespace {

TEST(Url, ReadsOrdinaryOnes) {
  const auto url = Url::parse("HTTPS://Api.Example.com:8443/v1/x?q=1#part");
  EXPECT_TRUE(url.tls);
  EXPECT_EQ(url.host, "api.example.com");
  EXPECT_EQ(url.port, 8443);
  EXPECT_EQ(url.target, "/v1/x?q=1");
  EXPECT_EQ(url.authority(), "api.example.com:8443");
  EXPECT_EQ(Url::parse("http://a").target, "/");
  EXPECT_EQ(Url::parse("http://a?x").target, "/?x");
  EXPECT_EQ(Url::parse("https://[::1]/").authority(), "[::1]");
  EXPECT_TRUE(Url::parse("http://127.0.0.1").numeric);
}

TEST(Url, RefusesWhatCouldBeReadInTwoWays) {
  for (const auto* text : {"",
                           "example.com",
                           "ftp://a/",
                           "file:///etc/passwd",
                           "http:/a",
                           "http:///a",
                           "http://",
                           "http://:80/",
                           "http://user@a/",
                           "http://user:pass@a/",
                           "http://a@b@c/",
                           "http://a b/",
                           "http://a/b c",
                           "http://a\r\nX: y",
                           "http://a/\x01",
                           "http://a\\b/",
                           "http://\xc3\xa9/",
                           "http://a:0/",
                           "http://a:65536/",
                           "http://a:x/",
                           "http://a:/",
                           "http://a:+80/",
                           "http://a:80:80/",
                           "http://[::1/",
                           "http://[::1]x/",
                           "http://[fe80::1%25eth0]/",
                           "http://[1.2.3.4]/",
                           "http://a..b/",
                           "http://.a/",
                           "http://a./",
                           "http://a%2eb/",
                           "http://127.1/",
                           "http://0177.0.0.1/",
                           "http://0x7f.0.0.1/",
                           "http://0x7f000001/",
                           "http://2130706433/",
                           "http://1.2.3/",
                           "http://1.2.3.4.5/",
                           "http://256.1.1.1/",
                           "http://a.0x1/",
                           "http://127.0.0.1./",
                           "http://a,b/"}) {
    EXPECT_THROW(Url::parse(text), std::invalid_argument) << text;
  }
  EXPECT_THROW(Url::parse("http://a/" + std::string(9000, 'x')), std::invalid_argument);
}

TEST(Url, FollowsALocation) {
  const auto base = Url::parse("https://a.test/one/two?q");
  const auto leads_to = [&](std::string_view location) {
    const auto next = base.follow(location);
    return (next.tls ? "https://" : "http://") + next.authority() + next.target;
  };
  EXPECT_EQ(leads_to("http://b.test/x"), "http://b.test/x");
  EXPECT_EQ(leads_to("//b.test:81/x"), "https://b.test:81/x");
  EXPECT_EQ(leads_to("/x?y=http://c/"), "https://a.test/x?y=http://c/");
  EXPECT_EQ(leads_to("x"), "https://a.test/one/x");
  EXPECT_EQ(leads_to("../x"), "https://a.test/x");
  EXPECT_EQ(leads_to("../../../x/./y/.."), "https://a.test/x/");
  EXPECT_EQ(leads_to("?z"), "https://a.test/one/two?z");
  EXPECT_THROW(base.follow("http://user@b/"), std::invalid_argument);
  EXPECT_THROW(base.follow("ftp://b/"), std::invalid_argument);
}

}  // namespace
}  // namespace kernel::egress
