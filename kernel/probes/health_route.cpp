#include "probes/health_route.hpp"

namespace kernel::probes {
namespace {

using atrium::Json;

Json answer_schema() {
  const Json check{{"type", "object"},
                   {"required", {"status", "latency_ms", "detail"}},
                   {"properties",
                    {{"status", {{"type", "string"}, {"enum", names_of(Status{})}}},
                     {"latency_ms", {{"type", "number"}}},
                     {"detail", {{"type", "string"}}},
                     {"cure", {{"type", "string"}, {"description", "What to do about it, where that is known"}}}}}};
  return {{"type", "object"},
          {"required", {"status", "checks"}},
          {"properties",
           {{"status", {{"type", "string"}, {"enum", {"ok", "degraded", "down"}}}},
            {"checks",
             {{"type", "object"},
              {"description",
               "database, redis, object_storage, mail, each plugin by its id, and health.check/NAME of the checks "
               "that plugins provide"},
              {"additionalProperties", check}}}}}};
}

}  // namespace

void HealthRoute::start() {
  get("/settings/health",
      {.summary = "Whether everything this installation needs is well, asked now",
       .description = "Each is given three seconds. What is not configured says disabled. Without its database the "
                      "whole is down; without another part it is degraded.",
       .access = {"admin"},
       .answer = answer_schema(),
       .tag = "Settings"},
      [this](atrium::Request&) { return atrium::ok(probes_.ask()); });
}

}  // namespace kernel::probes
