#include "routing/health.hpp"

#include "observability/log.hpp"

#include <array>

namespace kernel::routing {

namespace {

constexpr std::chrono::seconds period{5};
constexpr std::array<const char*, 3> names{"healthy", "degraded", "unhealthy"};

const char* name(Health::State state) { return names[static_cast<std::size_t>(state)]; }

}  // namespace

Health::Health(std::vector<Check> checks) : checks_(std::move(checks)) {}

void Health::start(jobs::Jobs& jobs) {
  ask_all();
  timer_ = jobs.every(period, [this] { ask_all(); });
}

void Health::ask_all() {
  auto worst = State::healthy;
  std::string cause;
  for (const auto& check : checks_) {
    auto state = State::unhealthy;
    std::string detail;
    try {
      state = check.ask();
    } catch (const std::exception& fault) {
      detail = std::string(": ") + fault.what();
    }
    if (state <= worst) continue;
    worst = state;
    cause = check.name + " is " + name(state) + detail;
  }
  if (state_.exchange(worst) == worst) return;
  if (worst == State::healthy) {
    observability::log(observability::Level::info, "health", "all is well again");
  } else {
    observability::log(observability::Level::warning, "health", cause);
  }
}

std::string Health::json() const {
  const auto uptime = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - started_);
  return std::string(R"({"status":")") + name(state()) +
         R"(","service":"atrium","version":")" ATRIUM_VERSION R"(","uptime_seconds":)" +
         std::to_string(uptime.count()) + "}";
}

}  // namespace kernel::routing
