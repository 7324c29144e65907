#pragma once
// Whether what this kernel needs is well, asked for real: each part at once, none for longer than a deadline.
#include "jobs/jobs.hpp"

#include <atrium/types.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace kernel::probes {

enum class Status : std::uint8_t { ok, degraded, down, disabled };
constexpr auto names_of(Status) { return std::array<std::string_view, 4>{"ok", "degraded", "down", "disabled"}; }

struct Finding {
  Status status = Status::ok;
  std::string detail;  ///< for an admin; no credentials
  std::string cure{};  ///< what to do about it, where that is known
};

struct Probe {
  std::string name;
  std::function<Finding()> ask;  ///< on a pool thread; may wait; throwing counts as down
  bool vital = false;            ///< without it nothing works: it makes the whole down, others make it degraded
  /// Instead of `ask`, where no thread has to wait: hands over the finding, now or later, from any thread.
  std::function<void(std::function<void(Finding)>)> begin{};
};

class Probes {
 public:
  struct Options {
    std::chrono::milliseconds deadline{3'000};  ///< for all of them, as they are asked side by side
  };
  /// `list` says what there is to ask at present. `jobs` outlives this object.
  Probes(jobs::Jobs& jobs, std::function<std::vector<Probe>()> list, Options options);
  Probes(jobs::Jobs& jobs, std::function<std::vector<Probe>()> list) : Probes(jobs, std::move(list), Options{}) {}

  /// {"status", "checks": {NAME: {"status", "latency_ms", "detail", "cure"?}}}. Waits up to the deadline: pool threads
  /// only. A probe that has not come back since an earlier time is not asked again, so that at most one thread waits
  /// for it.
  atrium::Json ask();

 private:
  struct Run;
  std::shared_ptr<Run> begin(const Probe& probe);

  jobs::Jobs& jobs_;
  const std::function<std::vector<Probe>()> list_;
  const Options options_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Run>> running_;
};

}  // namespace kernel::probes
