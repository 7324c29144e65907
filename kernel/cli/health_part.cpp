#include "cli/health_part.hpp"

#include "abi/built_in_table.hpp"
#include "observability/log.hpp"
#include "probes/health_checks.hpp"
#include "probes/health_route.hpp"
#include "probes/mail.hpp"
#include "probes/redis.hpp"
#include "schedules/schedules_route.hpp"

#include <algorithm>
#include <chrono>

namespace kernel::cli {
namespace {

using namespace std::chrono_literals;
using probes::Finding;
using probes::Probe;
using probes::Status;

constexpr auto patience = 2s;  // for each step; within the deadline of the whole

/// What a store says may hold its address and its user: that is for the log.
Finding in_brief(const std::string& name, const std::function<void()>& ask) {
  try {
    ask();
    return {Status::ok, "answers"};
  } catch (const std::exception& fault) {
    observability::log(observability::Level::warning, "health", name + ": " + fault.what());
    return {Status::down, "does not answer as it should; the log says more"};
  }
}

Finding plugin_finding(const plugins::Manager& manager, const plugins::Status& status) {
  if (status.state == plugins::State::disabled) return {Status::disabled, status.reason};
  const auto health = manager.health(status.id);
  return {health.ok ? Status::ok : Status::down, health.ok ? "runs" : health.detail};
}

}  // namespace

std::vector<Probe> installation_probes(const config::Config& config, storage::Database& database,
                                       storage::Objects& objects, const plugins::Manager& manager,
                                       plugins::Services& services) {
  const auto ask_database = [&database] { database.read("kernel", "SELECT 1", {}, [](storage::Row) { return true; }); };
  std::vector<Probe> all{
      {"database", [=] { return in_brief("database", ask_database); }, true},
      {"redis", [url = config.cache.url] { return probes::probe_redis(url, patience); }},
      {"object_storage", [&objects] { return in_brief("object_storage", [&objects] { objects.check(); }); }},
      {"mail", [url = config.mail.url] { return probes::probe_mail(url, patience); }}};
  const auto own = static_cast<std::ptrdiff_t>(all.size());
  for (const auto& status : manager.list()) {
    const bool taken =
        std::any_of(all.begin(), all.begin() + own, [&](const Probe& probe) { return probe.name == status.id; });
    all.push_back(
        {(taken ? "plugin:" : "") + status.id, [&manager, status] { return plugin_finding(manager, status); }});
  }
  for (auto& check : probes::health_check_probes(services, patience)) all.push_back(std::move(check));
  return all;
}

const atrium_plugin& health_table(probes::Probes& probes) {
  return abi::built_in_table<probes::HealthRoute>("health",
                                                  [&probes] { return std::make_unique<probes::HealthRoute>(probes); });
}

const atrium_plugin& schedules_table(schedules::Scheduler& scheduler) {
  return abi::built_in_table<schedules::SchedulesRoute>(
      "schedules", [&scheduler] { return std::make_unique<schedules::SchedulesRoute>(scheduler); });
}

}  // namespace kernel::cli
