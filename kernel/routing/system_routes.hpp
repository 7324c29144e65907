#pragma once
// The kernel's routes about itself: health, metrics, description, and the event stream.
#include "observability/metrics.hpp"
#include "routing/event_socket.hpp"
#include "routing/health.hpp"
#include "routing/openapi.hpp"

#include <vector>

namespace kernel::routing {

struct SystemParts {
  EventParts events;
  Health& health;
  observability::Metrics& metrics;
  OpenApi& openapi;
};

/// Owner "kernel"; every part must outlive them.
std::vector<Route> system_routes(const SystemParts& parts);

}  // namespace kernel::routing
