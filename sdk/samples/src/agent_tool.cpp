// A tool for agents: it keeps a reading. The row, its audit row and its event are one commit.
#include "samples.hpp"

namespace samples {
namespace {

struct AddReading {
  std::string sensor;
  double value = 0;
  static constexpr auto members = atrium::members(
      atrium::member("sensor", &AddReading::sensor).length(1, 100).required().description("Which sensor was read"),
      atrium::member("value", &AddReading::value).required().description("What it showed"));
};

}  // namespace

void Samples::add_agent_tool() {
  tool<AddReading>("add_reading", {.summary = "Keep what a sensor showed", .risk = atrium::Risk::writes},
                   [this](const atrium::ToolCall& call, const AddReading& arguments) {
                     Reading reading{.id = {}, .sensor = arguments.sensor, .value = arguments.value, .created_at = {}};
                     store().transaction(call.agent, [&](atrium::Transaction& tx) {
                       tx.insert(reading);
                       tx.publish("reading.created", reading);
                     });
                     // [metric]
                     metrics().add("readings_total", {{"sensor", reading.sensor}});
                     metrics().set("last_reading", reading.value, {{"sensor", reading.sensor}});
                     // [end]
                     return atrium::as_json(reading);
                   });
}

}  // namespace samples
