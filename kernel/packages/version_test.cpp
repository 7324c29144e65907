#include "packages/version.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace kernel::packages {
namespace {

TEST(VersionTest, AreOrderedAsSemanticVersioningSays) {
  const std::vector<const char*> ascending{
      "0.1.0",      "0.2.0",        "0.10.0",        "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta",
      "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1",  "1.0.0",         "1.0.1",
      "2.0.0"};
  for (std::size_t i = 0; i < ascending.size(); ++i)
    for (std::size_t j = 0; j < ascending.size(); ++j) {
      const int order = compare_versions(ascending[i], ascending[j]);
      EXPECT_EQ((order > 0) - (order < 0), (i > j) - (i < j)) << ascending[i] << ' ' << ascending[j];
    }
  EXPECT_EQ(compare_versions("1.0.0+a", "1.0.0+b"), 0);
}

}  // namespace
}  // namespace kernel::packages
