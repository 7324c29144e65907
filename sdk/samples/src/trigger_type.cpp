// A trigger that goes off at a steady pace, counted from when it was enabled.
#include "samples.hpp"

#include <atrium/trigger_type.hpp>

namespace samples {
namespace {

struct Interval {
  std::int64_t every_seconds = 0;
  static constexpr auto members =
      atrium::members(atrium::member("every_seconds", &Interval::every_seconds).range(1, 366 * 86'400).required());
};

}  // namespace

void Samples::add_trigger_type() {
  using namespace atrium::trigger;
  provide_timed<Interval>(*this, "interval", "At a steady pace", [](const Asked<NextRequest, Interval>& asked) {
    const auto& [call, request, config] = asked;
    const auto period = config.every_seconds * 1'000'000;
    const auto passed = std::max<std::int64_t>(0, request.after.microseconds - request.anchor.microseconds) / period;
    return NextAnswer{request.anchor + std::chrono::microseconds((passed + 1) * period)};
  });
}

}  // namespace samples
