// The readings as rows for an export. The columns follow from the members of Reading.
#include "samples.hpp"

#include <atrium/export_source.hpp>

namespace samples {
namespace {

struct ReadingFilter {
  std::string sensor;
  static constexpr auto members = atrium::members(atrium::member("sensor", &ReadingFilter::sensor)
                                                      .length(0, 100)
                                                      .description("Only of this sensor; empty: of all"));
};

}  // namespace

void Samples::add_export_source() {
  using namespace atrium::exports;
  provide_source<Reading, ReadingFilter>(
      *this, "readings", "Readings, oldest first", [this](const atrium::exports::Reading<ReadingFilter>& reading) {
        const auto& [call, request, filter] = reading;
        Records<Reading> records{store().find<Reading>("id > ? AND (sensor = ? OR ? = '') ORDER BY id LIMIT ?",
                                                       request.cursor, filter.sensor, filter.sensor, request.limit)};
        if (std::ssize(records.items) == request.limit) records.cursor = records.items.back().id.str();
        return records;
      });
}

}  // namespace samples
