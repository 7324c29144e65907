#include "probes/probes.hpp"

#include <atrium/codec.hpp>

#include <condition_variable>
#include <optional>

namespace kernel::probes {

using Clock = std::chrono::steady_clock;

/// One asking of one probe, shared by those who wait for it and the job that asks.
struct Probes::Run {
  std::mutex mutex;
  std::condition_variable ended;
  const Clock::time_point began = Clock::now();
  Clock::time_point end;
  std::optional<Finding> finding;

  void finish(Finding found) {
    const std::lock_guard lock(mutex);
    end = Clock::now();
    finding = std::move(found);
    ended.notify_all();
  }
};

namespace {

Finding asked(const Probe& probe) {
  try {
    return probe.ask();
  } catch (const std::exception& fault) {
    return {Status::down, fault.what()};
  } catch (...) {
    return {Status::down, "something unknown was thrown"};
  }
}

double milliseconds(Clock::duration duration) {
  return static_cast<double>(std::chrono::duration_cast<std::chrono::microseconds>(duration).count()) / 1000;
}

}  // namespace

Probes::Probes(jobs::Jobs& jobs, std::function<std::vector<Probe>()> list, Options options)
    : jobs_(jobs), list_(std::move(list)), options_(options) {}

std::shared_ptr<Probes::Run> Probes::begin(const Probe& probe) {
  const std::lock_guard lock(mutex_);
  auto& run = running_[probe.name];
  if (run) {
    const std::lock_guard of_run(run->mutex);
    if (!run->finding) return run;
  }
  run = std::make_shared<Run>();
  if (probe.begin)
    probe.begin([run = run](Finding found) { run->finish(std::move(found)); });
  else if (!jobs_.post([run = run, probe] { run->finish(asked(probe)); }))
    run->finish({Status::down, "the kernel is too busy to ask"});
  return run;
}

atrium::Json Probes::ask() {
  const auto until = Clock::now() + options_.deadline;
  const auto probes = list_();
  std::vector<std::shared_ptr<Run>> runs;
  for (const Probe& probe : probes) runs.push_back(begin(probe));
  auto worst = Status::ok;
  atrium::Json checks = atrium::Json::object();
  for (std::size_t at = 0; at < probes.size(); ++at) {
    Run& run = *runs[at];
    std::unique_lock lock(run.mutex);
    const bool came = run.ended.wait_until(lock, until, [&run] { return run.finding.has_value(); });
    const Finding found =
        came ? *run.finding
             : Finding{Status::down, "no answer within " + std::to_string(options_.deadline.count()) + " ms"};
    checks[probes[at].name] = {{"status", atrium::name_of(found.status)},
                               {"latency_ms", milliseconds((came ? run.end : Clock::now()) - run.began)},
                               {"detail", found.detail}};
    if (!found.cure.empty()) checks[probes[at].name]["cure"] = found.cure;
    if (found.status == Status::disabled || found.status == Status::ok) continue;
    const bool fatal = probes[at].vital && found.status == Status::down;
    worst = std::max(worst, fatal ? Status::down : Status::degraded);
  }
  return {{"status", atrium::name_of(worst)}, {"checks", std::move(checks)}};
}

}  // namespace kernel::probes
