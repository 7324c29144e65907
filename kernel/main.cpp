// The composition root: the whole system on one page. What the arguments mean is cli/'s.
#include "abi/built_in.hpp"
#include "auth/settings_sealer.hpp"
#include "cli/accounts_part.hpp"
#include "cli/cli.hpp"
#include "cli/command_routes.hpp"
#include "cli/health_part.hpp"
#include "cli/process.hpp"
#include "cli/service_manager.hpp"
#include "config/data_directory.hpp"
#include "events/follower.hpp"
#include "http/server.hpp"
#include "http/server_metrics.hpp"
#include "observability/log.hpp"
#include "packages/installer.hpp"
#include "plugins/manager.hpp"
#include "plugins/switches.hpp"
#include "routing/pipeline.hpp"
#include "routing/system_routes.hpp"
#include "storage/audit.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <functional>
#include <iostream>
#include <iterator>
#include <list>
#include <map>
#include <memory>
#include <ranges>
#include <thread>
#include <vector>

namespace kernel {
namespace {

using namespace std::chrono_literals;
using config::Config;
using observability::Level;

void set_up_log(const Config& config) {
  static const std::map<std::string, Level> levels = {{"trace", Level::trace},
                                                      {"debug", Level::debug},
                                                      {"info", Level::info},
                                                      {"warning", Level::warning},
                                                      {"error", Level::error}};
  observability::setup_log(levels.at(config.log.level), config.log.format == "json");
}

/// `running` follows what takes effect at once, so that a change is told once.
void reread(const config::Inputs& inputs, Config& running, routing::Pipeline& pipeline, egress::Client& egress,
            auth::AccessTokens& tokens) {
  try {
    tokens.replace_keys(auth::open_jwt_keys(running.data.directory));
    const auto fresh = config::load(inputs).config;
    set_up_log(fresh);
    pipeline.set_rate_limits(fresh.http.rate_limit.per_address, fresh.http.rate_limit.per_principal);
    egress.set_rules(fresh.egress.allow_private, fresh.egress.deny);
    for (const auto* key : config::changed_keys(running, fresh)) {
      const auto effect = key->live ? " has changed" : " has changed in the configuration: it needs a restart";
      observability::log(Level::info, "config", std::string(key->name) + effect);
    }
    running.log = fresh.log;
    running.http.rate_limit = fresh.http.rate_limit;
    running.egress = fresh.egress;
  } catch (const std::runtime_error& error) {
    observability::log(Level::error, "config", std::string("what was in effect stays: ") + error.what());
  }
}

http::ServerOptions server_options(const Config& config, std::size_t files) {
  const auto address = config::parse_host_port(config.http.listen);
  http::ServerOptions options;
  options.host = address.host;
  options.port = address.port;
  options.io_threads = static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 2u, 8u));
  options.max_connections = std::min(options.max_connections, files / 2);
  options.tls_certificate = config.http.tls_certificate;
  options.tls_key = config.http.tls_key;
  return options;
}

routing::PipelineOptions pipeline_options(const Config& config, const auth::Keys& keys,
                                          std::function<bool(const std::string&)> address_allowed) {
  return {.trusted_proxies = config.http.trusted_proxies,
          .cors_origins = config.http.cors_origins,
          .tls = !config.http.tls_certificate.empty(),
          .max_body = config.http.max_body,
          .max_upload = config.http.max_upload,
          .requests_per_address = config.http.rate_limit.per_address,
          .requests_per_principal = config.http.rate_limit.per_principal,
          .idempotency_key = keys.idempotency,
          .address_allowed = std::move(address_allowed)};
}

auth::VaultKeys vault_keys(const Config& config) {
  if (config.vault.key.empty()) return auth::VaultKeys::in_files(config.data.directory);
  return {config.vault.key, config.vault.previous_key};
}

std::vector<routing::Health::Check> health_checks(storage::Database& database, plugins::Manager& manager) {
  using State = routing::Health::State;
  return {{"database",
           [&database] {
             database.read("kernel", "SELECT 1", {}, [](storage::Row) { return true; });
             return State::healthy;
           }},
          {"plugins", [&manager] {
             const auto all = manager.health();
             const bool well = std::all_of(all.begin(), all.end(), [](const auto& plugin) { return plugin.ok; });
             return well ? State::healthy : State::degraded;
           }}};
}

using BuiltIns = std::vector<std::unique_ptr<abi::BuiltIn>>;

void append(std::vector<routing::Route>& routes, std::vector<routing::Route> more) {
  routes.insert(routes.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

void say_listening(const Config& config, const http::Server& server) {
  const auto host = config::parse_host_port(config.http.listen).host;
  const auto shown = host.find(':') == std::string::npos ? host : "[" + host + "]";
  const auto* scheme = config.http.tls_certificate.empty() ? "http" : "https";
  std::cout << "listening on " << scheme << "://" << shown << ':' << server.port() << std::endl;
}

int serve(const config::Inputs& inputs, const config::Loaded& loaded) {
  const auto& config = loaded.config;
  const auto files = cli::prepare_process();
  set_up_log(config);
  for (const auto& warning : loaded.warnings) observability::log(Level::warning, "config", warning);

  const std::filesystem::path data = config.data.directory;
  const config::DataDirectory held(data);
  const auto keys = auth::Keys::open(data);

  const auto audit_head = data / storage::AuditHead::file_name;
  const auto database =
      storage::Database::open({.url = config.database.url, .audit_key = keys.audit, .audit_head = audit_head});
  storage::check_audit_end(*database, storage::AuditHead(audit_head).read());
  const auth::SettingsSealer sealer(keys.settings);
  settings::Registry settings(*database, sealer);
  routing::IpRules ip_rules(*database);
  jobs::Jobs jobs({});
  events::Log events(*database, jobs, {});
  observability::Metrics metrics;
  egress::Client egress({.allow_private = config.egress.allow_private, .deny = config.egress.deny, .ca_file = {}},
                        jobs);
  auth::Auth auth(*database, settings, keys, data);
  auto vault = vault_keys(config);
  const auto objects = storage::Objects::open(config.objects.url, egress);
  plugins::Services services(jobs);
  const abi::Parts parts{*database,          events,     jobs,  egress,   services, metrics,
                         auth.issued_tokens, auth.links, vault, *objects, settings};

  routing::Table table;
  const packages::PackageFolder package_folder(
      data, {packages::read_public_keys(config.plugins.trusted_keys), config.plugins.allow_unsigned});
  packages::SharedPackages shared_packages(*database, *objects);
  auto installed = packages::catch_up(package_folder, shared_packages);
  plugins::Manager manager(parts, table,
                           {.directory = config.plugins.directory,
                            .additions = std::move(installed.plugins),
                            .data = data,
                            .enabled = config.plugins.enabled,
                            .configuration = nlohmann::json(config.plugin)});
  packages::Installer installer({manager, package_folder, shared_packages, *database}, std::move(installed.sha256));
  events.start();
  std::list<events::Follower> followers;
  followers.emplace_back(events, jobs, "settings", settings::setting_updated_topic, [&] { settings.load(); });
  followers.emplace_back(events, jobs, "ip-rules", routing::ip_rules_updated_topic, [&] { ip_rules.load(); });
  settings.load();
  ip_rules.load();
  auth.start(events, jobs);
  auto hub = std::make_unique<routing::EventHub>(events);
  routing::Health health(health_checks(*database, manager));
  routing::OpenApi openapi(table);
  probes::Probes probes(jobs, [&] { return cli::installation_probes(config, *database, *objects, manager, services); });
  schedules::Scheduler scheduler(*database, services, jobs, metrics, {});
  BuiltIns built_ins;
  for (const auto* part : {&cli::accounts_table(auth, table), &cli::audit_table(), &cli::ip_rules_table(ip_rules),
                           &cli::settings_table(settings), &cli::health_table(probes), &cli::schedules_table(scheduler),
                           &cli::plugins_table(manager, installer, package_folder.trust())}) {
    built_ins.push_back(std::make_unique<abi::BuiltIn>(parts, *part));
  }

  cli::Commands commands(services);
  const auto address_allowed = [&ip_rules](const std::string& address) { return ip_rules.takes(address); };
  auto routes =
      routing::system_routes({{events, jobs, auth.authenticator, *hub, address_allowed}, health, metrics, openapi});
  append(routes, commands.routes());
  for (const auto& part : built_ins) append(routes, part->take_routes());
  table.replace("kernel", std::move(routes));
  manager.start_all();
  followers.emplace_back(events, jobs, "plugins", plugins::plugins_changed_topic, [&] { installer.follow(); });
  health.start(jobs);
  scheduler.start();

  const auto pipeline =
      std::make_shared<routing::Pipeline>(routing::PipelineParts{table, auth.authenticator, jobs, *database, metrics},
                                          pipeline_options(config, keys, address_allowed));
  http::Server server(server_options(config, files), pipeline);
  http::collect_metrics(metrics, server);
  server.start();
  say_listening(config, server);
  cli::tell_service_manager("READY=1");

  auto running = config;
  cli::wait_for_end([&] { reread(inputs, running, *pipeline, egress, auth.access_tokens); });

  cli::tell_service_manager("STOPPING=1");
  observability::log(Level::info, "kernel", "stopping: no new requests, finishing those in flight");
  commands.stop();
  server.drain(20s);
  scheduler.stop();
  followers.clear();
  manager.stop_all();
  for (const auto& part : std::views::reverse(built_ins)) part->stop();
  hub.reset();
  auth.stop();
  events.stop();
  egress.stop();
  jobs.stop();
  database->checkpoint();
  return 0;
}

}  // namespace
}  // namespace kernel

int main(int argc, char** argv) { return kernel::cli::run(argc, argv, kernel::serve); }
