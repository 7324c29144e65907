#pragma once
#include "auth/auth.hpp"
#include "settings/registry.hpp"

#include <atrium/abi.h>

namespace kernel::cli {

/// The built-in that serves accounts, told by the kernel's own context who is calling. `auth` outlives it.
const atrium_plugin& accounts_table(auth::Auth& auth);
/// The same for settings.
const atrium_plugin& settings_table(settings::Registry& registry);

}  // namespace kernel::cli
