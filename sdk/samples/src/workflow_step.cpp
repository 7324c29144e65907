// A step of a workflow that waits for a moment. No thread waits meanwhile, and it goes on where it was after a restart.
#include "samples.hpp"

#include <atrium/workflow_step.hpp>

namespace samples {
namespace {

struct Moment {
  std::int64_t seconds = 0;
  static constexpr auto members =
      atrium::members(atrium::member("seconds", &Moment::seconds).range(1, 366 * 86'400).required());
};

}  // namespace

void Samples::add_workflow_step() {
  using namespace atrium::workflow;
  provide_step<Moment>(*this, "moment", "Waits for a moment", [](const Step<Moment>& step) {
    const auto& state = step.request.state;
    const auto now = atrium::Time::now();
    const auto until = state.is_null() ? now + std::chrono::seconds(step.config.seconds)
                                       : atrium::Time::parse(state.at("until").get<std::string>()).value_or(now);
    if (now < until) return StepAnswer::wait_until(until, {{"until", until.text()}}).saying("until " + until.text());
    return StepAnswer::done({{"waited_until", until.text()}});
  });
}

}  // namespace samples
