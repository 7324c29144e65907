#include "schedules/schedules_route.hpp"

namespace kernel::schedules {
namespace {

using atrium::Json;

Json answer_schema() {
  const Json text{{"type", "string"}};
  const Json time{{"type", {"string", "null"}}, {"format", "date-time"}};
  const Json properties{{"job", text},
                        {"schedule", {{"type", "string"}, {"description", "Cron fields and a zone, or @every a time"}}},
                        {"summary", text},
                        {"is_present", {{"type", "boolean"}, {"description", "Its plugin runs on this node"}}},
                        {"is_running", {{"type", "boolean"}, {"description", "On one of the nodes"}}},
                        {"next_at", {{"type", "string"}, {"format", "date-time"}}},
                        {"started_at", time},
                        {"ended_at", time},
                        {"failure", {{"type", {"string", "null"}}, {"description", "Why the last run failed"}}}};
  Json required = Json::array();
  for (const auto& [name, unused] : properties.items()) required.push_back(name);
  const Json item{{"type", "object"}, {"required", required}, {"properties", properties}};
  return {
      {"type", "object"}, {"required", {"items"}}, {"properties", {{"items", {{"type", "array"}, {"items", item}}}}}};
}

}  // namespace

void SchedulesRoute::start() {
  get("/scheduled-jobs",
      {.summary = "What runs by the clock, when each ran last and runs next",
       .description = "Each run happens on one node. One that was missed while no node ran is made up once.",
       .access = {"admin"},
       .answer = answer_schema(),
       .tag = "Settings"},
      [this](atrium::Request&) { return atrium::ok(scheduler_.describe()); });
}

}  // namespace kernel::schedules
