#pragma once
// What the process uses of its machine, under the names Prometheus clients share.
#include <prometheus/metric_family.h>

#include <vector>

namespace kernel::observability {

std::vector<prometheus::MetricFamily> process_metrics();

}  // namespace kernel::observability
