#include <atrium/testing/fake_host.hpp>

#include <gtest/gtest.h>

using namespace atrium::testing;

namespace {

TEST(@CLASS@, Greets) {
  FakeHost host{ATRIUM_PLUGIN_SOURCE_DIR};
  LoadedPlugin plugin{host, atrium_plugin_v1()};
  const auto answer = host.get("/@ID@");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.json()["greeting"], "Hello from Rust");
}

}  // namespace
