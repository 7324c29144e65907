// Every night, once in the whole installation: old readings are forgotten. An admin sets how old, at run time.
#include "samples.hpp"

#include <atrium/scheduled_job.hpp>

namespace samples {

void Samples::add_scheduled_job() {
  atrium::schedule(*this, "samples.forget_readings", "30 3 * * *", [this] {
    // [setting]
    const auto age = std::chrono::hours(24) * setting<std::int64_t>("keep_days");
    // [end]
    const auto before = atrium::Time::now() - age;
    store().transaction({}, [&](atrium::Transaction& tx) {
      const auto forgotten = tx.exec("DELETE FROM readings WHERE created_at < ?", before);
      if (forgotten > 0) tx.audit("readings.forgotten", "reading", {});
    });
  });
}

}  // namespace samples
