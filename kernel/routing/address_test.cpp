#include "routing/address.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace kernel::routing {
namespace {

http::RequestHead from(std::string peer, std::vector<std::string> forwarded) {
  http::RequestHead head;
  head.peer = std::move(peer);
  for (auto& value : forwarded) head.headers.add("x-forwarded-for", std::move(value));
  return head;
}

TEST(ClientAddress, BelievesOnlyTrustedProxies) {
  const std::vector<Cidr> proxies{Cidr("10.0.0.0/8"), Cidr("fd00::/8")};
  EXPECT_EQ(client_address(from("203.0.113.9", {"198.51.100.1"}), proxies), "203.0.113.9");
  EXPECT_EQ(client_address(from("10.0.0.1", {"1.1.1.1, 198.51.100.1"}), proxies), "198.51.100.1");
  EXPECT_EQ(client_address(from("10.0.0.1", {"198.51.100.1", "10.2.3.4"}), proxies), "198.51.100.1");
  EXPECT_EQ(client_address(from("fd00::1", {"[2001:db8::7]:4711"}), proxies), "2001:db8::7");
  EXPECT_EQ(client_address(from("::ffff:10.0.0.1", {"198.51.100.1:80"}), proxies), "198.51.100.1");
  EXPECT_EQ(client_address(from("10.0.0.1", {"198.51.100.1, unknown"}), proxies), "10.0.0.1");
  EXPECT_EQ(client_address(from("10.0.0.1", {}), proxies), "10.0.0.1");
}

TEST(ClientAddress, RangesAreCheckedAndHoldWhatTheySay) {
  EXPECT_TRUE(Cidr("192.0.2.128/25").contains(*parse_address("192.0.2.200")));
  EXPECT_FALSE(Cidr("192.0.2.128/25").contains(*parse_address("192.0.2.127")));
  EXPECT_TRUE(Cidr("0.0.0.0/0").contains(*parse_address("8.8.8.8")));
  EXPECT_FALSE(Cidr("0.0.0.0/0").contains(*parse_address("2001:db8::1")));
  for (const auto* bad : {"", "10.0.0.0/33", "10.0.0/8", "10.0.0.0/", "10.0.0.0/x", "::/129", "host/8"})
    EXPECT_THROW(Cidr{bad}, std::invalid_argument) << bad;
}

}  // namespace
}  // namespace kernel::routing
