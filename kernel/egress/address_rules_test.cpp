#include "egress/address_rules.hpp"

#include <gtest/gtest.h>

namespace kernel::egress {
namespace {

bool user_may(const std::string& address, const Options& options = {}) {
  std::string why;
  const bool allowed = address_allowed(address, Trust::user, options, &why);
  EXPECT_EQ(allowed, why.empty()) << address << ": " << why;
  return allowed;
}

TEST(AddressRules, UsersReachOrdinaryPublicAddresses) {
  for (const auto* address : {"1.1.1.1",
                              "8.8.8.8",
                              "9.255.255.255",
                              "11.0.0.0",
                              "100.63.255.255",
                              "100.128.0.0",
                              "126.255.255.255",
                              "128.0.0.1",
                              "169.253.255.255",
                              "169.255.0.0",
                              "172.15.255.255",
                              "172.32.0.0",
                              "192.0.1.0",
                              "192.0.3.0",
                              "192.88.98.255",
                              "192.88.100.0",
                              "192.167.255.255",
                              "192.169.0.0",
                              "198.17.255.255",
                              "198.20.0.0",
                              "198.51.99.255",
                              "198.51.101.0",
                              "203.0.112.255",
                              "203.0.114.0",
                              "223.255.255.255",
                              "168.63.129.15",
                              "2606:4700:4700::1111",
                              "2001:4860:4860::8888",
                              "2001:200::1",
                              "2a00:1450::1",
                              "2400::1",
                              "3ffe::1",
                              "::ffff:8.8.8.8",
                              "64:ff9b::808:808",
                              "2002:808:808::1",
                              "2a00::5efe:808:808"}) {
    EXPECT_TRUE(user_may(address)) << address;
  }
}

TEST(AddressRules, UsersDoNotReachSpecialAddresses) {
  for (const auto* address :
       {// IPv4, at both ends of each range
        "0.0.0.0", "0.0.0.1", "0.255.255.255", "10.0.0.0", "10.1.2.3", "10.255.255.255", "100.64.0.0",
        "100.127.255.255", "127.0.0.0", "127.0.0.1", "127.255.255.255", "169.254.0.0", "169.254.255.255", "172.16.0.0",
        "172.31.255.255", "192.0.0.0", "192.0.0.255", "192.0.2.0", "192.0.2.255", "192.88.99.1", "192.168.0.0",
        "192.168.255.255", "198.18.0.0", "198.19.255.255", "198.51.100.0", "198.51.100.255", "203.0.113.0",
        "203.0.113.255", "224.0.0.0", "239.255.255.255", "240.0.0.0", "255.255.255.254", "255.255.255.255",
        // where clouds hand out credentials
        "169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254",
        "fd20:ce::254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1", "::a9fe:a9fe",
        // IPv6
        "::", "::1", "::2", "100::1", "64:ff9b:1::1", "64:ff9b:1:ffff::808:808", "2001:db8::1", "2001:db8:ffff::1",
        "2001:2::1", "2001:10::1", "2001:20::1", "3fff::1", "3fff:fff::1", "5f00::1", "4000::1", "8000::1", "fc00::1",
        "fd12:3456::1", "fdff::1", "fe80::1", "febf::1", "fec0::1", "feff::1", "ff02::1", "ff0e::1", "200::1",
        // IPv4 within IPv6
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:7f00:1", "::ffff:0:0", "::127.0.0.1", "::8.8.8.8",
        "64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b::c0a8:101", "64:ff9b::", "2002:7f00:1::", "2002:a00:1::1",
        "2002:c0a8:101::", "2002:ac10:1::", "2001:0:7f00:1::", "2001:0:808:808:0:0:f5ff:fffe", "2a00::5efe:7f00:1",
        "2a00::200:5efe:a00:1"}) {
    EXPECT_FALSE(user_may(address)) << address;
  }
}

TEST(AddressRules, OnlyNumericAddressesAreClassified) {
  for (const auto* text :
       {"", "localhost", "127.1", "0177.0.0.1", "0x7f.0.0.1", "2130706433", "1.2.3.4 ", " 1.2.3.4", "1.2.3",
        "1.2.3.4.5", "1.2.3.256", "fe80::1%eth0", "[::1]", "1.2.3.4/32", "::g", "1.2.3.04"}) {
    EXPECT_FALSE(address_allowed(text, Trust::operator_, {}, nullptr)) << text;
  }
  EXPECT_FALSE(address_allowed(std::string_view("8.8.8.8\0x", 9), Trust::operator_, {}, nullptr));
}

TEST(AddressRules, TheOperatorReachesWhatItNames) {
  for (const auto* address : {"127.0.0.1", "::1", "10.0.0.1", "169.254.1.1", "fd00::1", "::ffff:127.0.0.1"}) {
    EXPECT_TRUE(address_allowed(address, Trust::operator_, {}, nullptr)) << address;
  }
}

TEST(AddressRules, AllowPrivateOpensExactlyWhatItNames) {
  const Options options{.allow_private = {"10.1.0.0/16", "127.0.0.1", "fd00:1::/32"}};
  for (const auto* address :
       {"10.1.0.0", "10.1.255.255", "127.0.0.1", "::ffff:10.1.2.3", "64:ff9b::a01:203", "fd00:1::9", "2002:a01:1::1"}) {
    EXPECT_TRUE(user_may(address, options)) << address;
  }
  for (const auto* address : {"10.0.255.255", "10.2.0.0", "127.0.0.2", "::1", "fd00:2::9", "::ffff:10.2.0.0"}) {
    EXPECT_FALSE(user_may(address, options)) << address;
  }
}

TEST(AddressRules, DenyClosesForEverybodyInEveryDisguise) {
  const Options options{.allow_private = {"10.0.0.0/8"}, .deny = {"10.9.0.0/16", "8.8.8.8", "2a00::/16"}};
  for (const auto trust : {Trust::user, Trust::operator_}) {
    for (const auto* address :
         {"10.9.1.1", "8.8.8.8", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1", "::8.8.8.8", "2a00::1"}) {
      std::string why;
      EXPECT_FALSE(address_allowed(address, trust, options, &why)) << address;
      EXPECT_NE(why.find("egress.deny"), std::string::npos);
    }
    EXPECT_TRUE(address_allowed("10.8.1.1", trust, options, nullptr));
    EXPECT_TRUE(address_allowed("8.8.8.9", trust, options, nullptr));
  }
}

TEST(AddressRules, AMalformedNetworkIsNamedAndOpensNothing) {
  for (const auto* text :
       {"", "10.0.0.0/33", "::/129", "10.0.0/8", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x", "host/8"}) {
    EXPECT_THROW(AddressRules({.allow_private = {text}}), std::invalid_argument) << text;
    EXPECT_THROW(AddressRules({.deny = {text}}), std::invalid_argument) << text;
    EXPECT_FALSE(address_allowed("8.8.8.8", Trust::operator_, {.deny = {text}}, nullptr)) << text;
  }
}

}  // namespace
}  // namespace kernel::egress
