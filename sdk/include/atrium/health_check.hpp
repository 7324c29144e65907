#pragma once
// The face of the service kind "health.check": whether something is well, asked now.
// docs/extension-kinds/health-check.md
#include <atrium/plugin.hpp>

namespace atrium::health {

inline constexpr std::string_view check_kind = "health.check";

/// The metadata.
struct CheckInfo {
  std::string summary;
  static constexpr auto members = atrium::members(member("summary", &CheckInfo::summary));
};

enum class Status : std::uint8_t { healthy, degraded, unhealthy, disabled };
constexpr auto names_of(Status) {
  return std::array<std::string_view, 4>{"healthy", "degraded", "unhealthy", "disabled"};
}

struct Report {
  Status status = Status::healthy;
  std::string message;  ///< how it is, for an admin; no secrets
  std::string cure{};   ///< what to do about it; empty where nothing is wrong
  static constexpr auto members =
      atrium::members(member("status", &Report::status).required(), member("message", &Report::message).length(0, 2000),
                      member("cure", &Report::cure).length(0, 2000));
};

/// In start(). check: Report() or Async<Report>(); what it throws counts as unhealthy.
template <class Check>
Provided& provide_check(Plugin& plugin, const std::string& name, std::string summary, Check check) {
  return plugin.provide(std::string(check_kind) + "/" + name, as_json(CheckInfo{std::move(summary)}))
      .on_typed(
          "check", [](Call call) { return call; }, [check](const Call&) { return check(); });
}

/// The asking side; the kernel's probes ask each, and give it two seconds.
inline Async<Report> ask(const Services& services, std::string name, CallOptions options = {}) {
  auto calling = services.call(std::string(check_kind) + "/" + name, "check", Json::object(), std::move(options));
  const Json answer = co_await calling;
  co_return from_message<Report>(answer);
}

}  // namespace atrium::health
