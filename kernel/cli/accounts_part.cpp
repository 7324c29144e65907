#include "cli/accounts_part.hpp"

#include "abi/built_in_table.hpp"
#include "abi/request_pool.hpp"
#include "audit/audit_routes.hpp"
#include "auth/accounts.hpp"
#include "auth/password_policy.hpp"
#include "auth/security_settings.hpp"
#include "packages/plugins_routes.hpp"
#include "routing/access.hpp"
#include "routing/ip_rules_routes.hpp"
#include "settings/settings_routes.hpp"

#include <algorithm>
#include <memory>

namespace kernel::cli {
namespace {

auth::Caller caller_of(const atrium::Request& request) {
  auto* held = abi::RequestPool::instance().find(request.raw());
  if (!held) throw std::logic_error("the request was answered already");
  const auto& context = *held->context;
  return {context.principal,
          {.address = context.client_address,
           .user_agent = std::string(held->exchange->head().headers.get("user-agent")),
           .request_id = context.request_id}};
}

storage::Actor actor_of(const atrium::Request& request) { return auth::actor_of(*caller_of(request).who); }

}  // namespace

const atrium_plugin& accounts_table(auth::Auth& auth, const routing::Table& routes) {
  const auto names_an_operation = [&routes](std::string_view scope) {
    const auto all = routes.all();
    return std::any_of(all.begin(), all.end(),
                       [&](const auto& route) { return auth::covers(scope, routing::operation_of(*route)); });
  };
  return abi::built_in_table<auth::Accounts>("accounts", [&auth, names_an_operation] {
    return std::make_unique<auth::Accounts>(auth, caller_of, names_an_operation);
  });
}

const atrium_plugin& audit_table() {
  return abi::built_in_table<audit::AuditRoutes>("audit", [] { return std::make_unique<audit::AuditRoutes>(); });
}

const atrium_plugin& ip_rules_table(routing::IpRules& rules) {
  return abi::built_in_table<routing::IpRulesRoutes>(
      "ip-rules", [&rules] { return std::make_unique<routing::IpRulesRoutes>(rules, actor_of); });
}

const atrium_plugin& plugins_table(plugins::Manager& manager, packages::Installer& installer,
                                   const packages::Trust& trust) {
  const packages::PluginsRoutes::Parts parts{manager, installer, trust, actor_of};
  return abi::built_in_table<packages::PluginsRoutes>(
      "plugins", [parts] { return std::make_unique<packages::PluginsRoutes>(parts); });
}

const atrium_plugin& settings_table(settings::Registry& registry) {
  return abi::built_in_table<settings::SettingsRoutes>("settings", [&registry] {
    return std::make_unique<settings::SettingsRoutes>(
        registry, actor_of,
        std::vector<settings::View>{
            {"/security", auth::SecuritySettings::category, "Security", "The security settings",
             "Change security settings"},
            {"/security/password-policy", auth::PasswordPolicy::category, "Security", "What new passwords must be like",
             "Change what new passwords must be like; the ones that are set stay"}});
  });
}

}  // namespace kernel::cli
