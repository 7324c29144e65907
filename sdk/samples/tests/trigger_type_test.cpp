#include "samples_fixture.hpp"

namespace samples {
namespace {

using atrium::Json;

TEST_F(SamplesTest, the_interval_counts_from_its_anchor) {
  const auto next = [&](const char* after) {
    return host
        .call("trigger.type/interval", "next",
              {{"config", {{"every_seconds", 900}}}, {"anchor", "2026-01-31T08:05:00.000Z"}, {"after", after}})
        .json["at"];
  };
  EXPECT_EQ(next("2026-01-31T08:05:00.000Z"), "2026-01-31T08:20:00.000Z");
  EXPECT_EQ(next("2026-01-31T09:59:59.000Z"), "2026-01-31T10:05:00.000Z");
}

TEST_F(SamplesTest, the_interval_says_what_it_needs) {
  const auto metadata = host.services.metadata("trigger.type/interval");
  EXPECT_EQ(metadata["mode"], "timed");
  EXPECT_EQ(metadata["configuration"]["required"], Json({"every_seconds"}));
  EXPECT_EQ(host.call("trigger.type/interval", "check", {{"config", {{"every_seconds", 0}}}}).json["status"], 422);
}

}  // namespace
}  // namespace samples
