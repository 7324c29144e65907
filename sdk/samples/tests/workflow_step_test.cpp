#include "samples_fixture.hpp"

namespace samples {
namespace {

using atrium::Json;

Json step(std::int64_t seconds, Json state = nullptr) {
  return {{"workflow_id", atrium::Id::make().text()}, {"run_id", atrium::Id::make().text()},
          {"step_id", atrium::Id::make().text()},     {"idempotency_key", "run-1/pause"},
          {"config", {{"seconds", seconds}}},         {"state", std::move(state)}};
}

TEST_F(SamplesTest, the_step_waits_and_keeps_to_the_moment_it_chose) {
  const auto first = host.call("workflow.step/moment", "run", step(60)).json;
  ASSERT_EQ(first["outcome"], "waiting");
  EXPECT_EQ(first["resume_at"], first["state"]["until"]);
  const auto again = host.call("workflow.step/moment", "run", step(60, first["state"])).json;
  EXPECT_EQ(again["resume_at"], first["resume_at"]);
}

TEST_F(SamplesTest, the_step_is_done_when_the_moment_has_come) {
  const auto answer = host.call("workflow.step/moment", "run", step(60, {{"until", "2026-01-31T08:00:00.000Z"}})).json;
  EXPECT_EQ(answer["outcome"], "done");
  EXPECT_EQ(answer["result"]["waited_until"], "2026-01-31T08:00:00.000Z");
}

TEST_F(SamplesTest, the_step_refuses_a_bad_configuration_before_anything_runs) {
  EXPECT_EQ(host.call("workflow.step/moment", "check", {{"config", {{"seconds", -1}}}}).json["errors"][0]["pointer"],
            "/config/seconds");
}

}  // namespace
}  // namespace samples
