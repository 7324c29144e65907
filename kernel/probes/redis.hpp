#pragma once
#include "probes/probes.hpp"

namespace kernel::probes {

/// Signs in where the URL says so, and pings. "memory:" is disabled. Waits `patience` for each step at most.
Finding probe_redis(const std::string& url, std::chrono::milliseconds patience);

}  // namespace kernel::probes
