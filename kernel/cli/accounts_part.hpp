#pragma once
#include "auth/auth.hpp"
#include "packages/installer.hpp"
#include "plugins/manager.hpp"
#include "routing/ip_rules.hpp"
#include "routing/route.hpp"
#include "settings/registry.hpp"

#include <atrium/abi.h>

namespace kernel::cli {

/// The built-in that serves accounts, told by the kernel's own context who is calling. `auth` and `routes` outlive it.
const atrium_plugin& accounts_table(auth::Auth& auth, const routing::Table& routes);
/// The built-in that shows the audit log.
const atrium_plugin& audit_table();
/// The one that serves the rules for addresses, which outlive it.
const atrium_plugin& ip_rules_table(routing::IpRules& rules);
/// The one that installs plugins and switches them.
const atrium_plugin& plugins_table(plugins::Manager& manager, packages::Installer& installer,
                                   const packages::Trust& trust);
/// The one that serves settings.
const atrium_plugin& settings_table(settings::Registry& registry);

}  // namespace kernel::cli
