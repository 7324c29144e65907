#include "samples_fixture.hpp"

namespace samples {
namespace {

TEST_F(SamplesTest, the_job_forgets_what_is_older_than_the_setting_says) {
  keep("cellar", std::chrono::hours(24 * 3));
  keep("cellar", std::chrono::hours(24));
  host.settings.values["keep_days"] = 2;
  ASSERT_EQ(host.call("scheduled.job/samples.forget_readings", "run").status, ATRIUM_OK);
  EXPECT_EQ(host.call("export.source/readings", "page").json["rows"].size(), 1U);
  EXPECT_EQ(host.services.metadata("scheduled.job/samples.forget_readings")["schedule"], "30 3 * * *");
}

}  // namespace
}  // namespace samples
