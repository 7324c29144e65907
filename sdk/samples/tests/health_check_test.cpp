#include "samples_fixture.hpp"

namespace samples {
namespace {

TEST_F(SamplesTest, the_check_tells_silence_from_no_sensors) {
  const auto ask = [&] { return host.call("health.check/readings", "check").json; };
  EXPECT_EQ(ask()["status"], "disabled");
  keep("cellar", std::chrono::hours(2));
  EXPECT_EQ(ask()["status"], "degraded");
  EXPECT_NE(ask()["cure"], "");
  keep("cellar");
  EXPECT_EQ(ask()["status"], "healthy");
}

}  // namespace
}  // namespace samples
