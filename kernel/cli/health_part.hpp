#pragma once
#include "config/config.hpp"
#include "plugins/manager.hpp"
#include "probes/probes.hpp"
#include "storage/database.hpp"
#include "storage/objects.hpp"

#include <atrium/abi.h>

#include <vector>

namespace kernel::cli {

/// What this installation needs, and each of its plugins. Everything given outlives the probes.
std::vector<probes::Probe> installation_probes(const config::Config& config, storage::Database& database,
                                               storage::Objects& objects, const plugins::Manager& manager);
/// The built-in that answers with them. `probes` outlives it.
const atrium_plugin& health_table(probes::Probes& probes);

}  // namespace kernel::cli
