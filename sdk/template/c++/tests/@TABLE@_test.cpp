#include <atrium/testing/fake_host.hpp>

#include <gtest/gtest.h>

using namespace atrium::testing;

namespace {

class @CLASS@ : public ::testing::Test {
 protected:
  FakeHost host{ATRIUM_PLUGIN_SOURCE_DIR};
  LoadedPlugin plugin{host, atrium_plugin_v1()};
};

TEST_F(@CLASS@, WhatIsMadeCanBeReadAndFound) {
  const auto made = host.post("/@ID@", {{"title", "First"}, {"body", "words to find"}});
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(host.get("/@ID@/" + made.json()["id"].get<std::string>()).json(), made.json());
  EXPECT_EQ(host.get("/@ID@?search=words").json()["total"], 1);
}

TEST_F(@CLASS@, ATitleIsRequired) {
  EXPECT_EQ(host.post("/@ID@", {{"body", "x"}}).pointers(), std::set<std::string>{"/title"});
}

}  // namespace
