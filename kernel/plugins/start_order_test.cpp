#include "plugins/start_order.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace kernel::plugins {
namespace {

using Names = std::vector<std::string>;

Manifest plugin(std::string id, Names provides, Names requires_, Names uses = {}) {
  Manifest manifest;
  manifest.id = std::move(id);
  manifest.provides = std::move(provides);
  manifest.requires_ = std::move(requires_);
  manifest.uses = std::move(uses);
  return manifest;
}

TEST(StartOrder, PutsProvidersFirst) {
  const auto order = start_order({plugin("a", {}, {"k/c"}), plugin("b", {}, {}, {"k/*"}), plugin("c", {"k/c"}, {})});
  EXPECT_EQ(order.ids, (Names{"c", "a", "b"}));
  EXPECT_TRUE(order.blocked.empty());
}

TEST(StartOrder, NamesTheMissingServiceAndKeepsTheOthers) {
  const auto order = start_order({plugin("a", {}, {"k/gone"}), plugin("b", {}, {})});
  EXPECT_EQ(order.ids.size(), 2U);
  EXPECT_EQ(order.blocked.at("a"), "needs service k/gone, which no installed plugin provides");
  EXPECT_FALSE(order.blocked.contains("b"));
}

TEST(StartOrder, NamesEveryMemberOfACircle) {
  const auto order = start_order({plugin("a", {"k/a"}, {"k/b"}), plugin("b", {"k/b"}, {"k/a"}), plugin("c", {}, {})});
  EXPECT_NE(order.blocked.at("a").find("a -> b -> a"), std::string::npos) << order.blocked.at("a");
  EXPECT_TRUE(order.blocked.contains("b"));
  EXPECT_FALSE(order.blocked.contains("c"));
}

TEST(StartOrder, LetsOptionalUsesGoInACircle) {
  const auto order = start_order({plugin("a", {"k/a"}, {}, {"k/b"}), plugin("b", {"k/b"}, {}, {"k/a"})});
  EXPECT_EQ(order.ids.size(), 2U);
  EXPECT_TRUE(order.blocked.empty());
}

}  // namespace
}  // namespace kernel::plugins
