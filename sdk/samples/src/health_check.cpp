// Whether readings still come in.
#include "samples.hpp"

#include <atrium/health_check.hpp>

namespace samples {

void Samples::add_health_check() {
  using namespace atrium::health;
  using namespace std::chrono_literals;
  provide_check(*this, "readings", "Whether readings still come in", [this]() -> Report {
    const auto last = store().value<atrium::Time>("SELECT max(created_at) FROM readings");
    if (!last) return {Status::disabled, "no sensor has been read yet"};
    if (*last > atrium::Time::now() - 1h) return {Status::healthy, "last at " + last->text()};
    return {Status::degraded, "none since " + last->text(), "see that the sensors and what reads them are switched on"};
  });
}

}  // namespace samples
