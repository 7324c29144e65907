#include "samples_fixture.hpp"

namespace samples {
namespace {

TEST_F(SamplesTest, the_tool_keeps_a_reading_and_counts_it) {
  const auto kept = host.use_tool("add_reading", {{"sensor", "cellar"}, {"value", 7.5}}, "agent-1");
  ASSERT_EQ(kept.status, ATRIUM_OK);
  EXPECT_EQ(host.events.last("reading.created").json(), kept.json);
  EXPECT_EQ(host.metrics.value("readings_total", {{"sensor", "cellar"}}), 1);
  EXPECT_EQ(host.metrics.value("last_reading", {{"sensor", "cellar"}}), 7.5);
}

TEST_F(SamplesTest, the_tool_names_what_is_wrong) {
  const auto refused = host.use_tool("add_reading", {{"sensor", ""}});
  EXPECT_EQ(refused.status, ATRIUM_E_INVALID);
  EXPECT_EQ(refused.json["errors"].size(), 2U);
}

}  // namespace
}  // namespace samples
