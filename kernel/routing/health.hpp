#pragma once
// Whether the kernel and what it needs are well: asked in the background, answered at once.
#include "jobs/jobs.hpp"

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace kernel::routing {

class Health {
 public:
  enum class State : std::uint8_t { healthy, degraded, unhealthy };
  struct Check {
    std::string name;
    std::function<State()> ask;  ///< on a pool thread; may wait; throwing counts as unhealthy
  };

  explicit Health(std::vector<Check> checks);
  /// Asks every check now and then every few seconds.
  void start(jobs::Jobs& jobs);
  /// The worst of the checks when they were last asked.
  State state() const { return state_.load(std::memory_order_relaxed); }
  /// {"status", "service", "version", "uptime_seconds"}
  std::string json() const;

 private:
  void ask_all();

  const std::vector<Check> checks_;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  std::atomic<State> state_{State::healthy};
  std::unique_ptr<jobs::Timer> timer_;
};

}  // namespace kernel::routing
