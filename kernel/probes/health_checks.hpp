#pragma once
// The services of the kind health.check: whatever plugins know to be asked about.
#include "plugins/services.hpp"
#include "probes/probes.hpp"

namespace kernel::probes {

/// One probe for each that is there now; none takes longer than `patience`. `services` outlives them.
std::vector<Probe> health_check_probes(plugins::Services& services, std::chrono::milliseconds patience);

}  // namespace kernel::probes
