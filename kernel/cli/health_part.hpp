#pragma once
#include "config/config.hpp"
#include "plugins/manager.hpp"
#include "probes/probes.hpp"
#include "schedules/scheduler.hpp"
#include "storage/database.hpp"
#include "storage/objects.hpp"

#include <atrium/abi.h>

#include <vector>

namespace kernel::cli {

/// What this installation needs, each of its plugins, and what those know to be asked about. Everything given outlives
/// the probes.
std::vector<probes::Probe> installation_probes(const config::Config& config, storage::Database& database,
                                               storage::Objects& objects, const plugins::Manager& manager,
                                               plugins::Services& services);
/// The built-in that answers with them. `probes` outlives it.
const atrium_plugin& health_table(probes::Probes& probes);
/// The one that shows what runs by the clock. `scheduler` outlives it.
const atrium_plugin& schedules_table(schedules::Scheduler& scheduler);

}  // namespace kernel::cli
