#pragma once
#include "http/server.hpp"
#include "observability/metrics.hpp"

namespace kernel::http {

/// The front's counters at each scrape. No scrape may follow the end of the server.
void collect_metrics(observability::Metrics& metrics, const Server& server);

}  // namespace kernel::http
