#pragma once
// The face of the service kind "scheduled.job": work that the kernel starts by the clock, once for the whole
// installation. docs/extension-kinds/scheduled-job.md
#include <atrium/plugin.hpp>

namespace atrium {

inline constexpr std::string_view scheduled_job_kind = "scheduled.job";

/// The metadata.
struct ScheduledJob {
  std::string schedule;  ///< "0 3 * * *", "0 3 * * * Europe/Berlin" or "@every 90s" (s, m, h, d)
  std::string summary{};
  std::int64_t timeout_seconds = 3600;
  static constexpr auto members = atrium::members(
      member("schedule", &ScheduledJob::schedule).length(1, 200).required(), member("summary", &ScheduledJob::summary),
      member("timeout_seconds", &ScheduledJob::timeout_seconds).range(1, 86'400));
};

namespace detail {

/// One run at a time, also where the kernel has given up waiting for the last one.
class Turn {
 public:
  explicit Turn(std::shared_ptr<std::atomic<bool>> taken) : taken_(std::move(taken)) {
    if (taken_->exchange(true)) throw conflict("Its last run has not ended yet.");
  }
  Turn(const Turn&) = delete;
  ~Turn() { *taken_ = false; }

 private:
  std::shared_ptr<std::atomic<bool>> taken_;
};

}  // namespace detail

/// In start(). work: void() or Async<void>(const Call&). What it throws stands beside the job's last run, and the next
/// run comes at its usual time.
template <class Work>
Provided& schedule(Plugin& plugin, const std::string& name, const ScheduledJob& job, Work work) {
  auto& entry = plugin.provide(std::string(scheduled_job_kind) + "/" + name, as_json(job));
  const auto taken = std::make_shared<std::atomic<bool>>(false);
  if constexpr (std::is_invocable_v<Work&>) {
    return entry.on("run", [work, taken](const Call&) -> Json {
      const detail::Turn turn(taken);
      work();
      return Json::object();
    });
  } else {
    return entry.on("run", [work, taken](Call call) -> Async<Json> {
      const detail::Turn turn(taken);
      auto working = work(call);
      co_await working;
      co_return Json::object();
    });
  }
}
template <class Work>
Provided& schedule(Plugin& plugin, const std::string& name, std::string when, Work work) {
  return schedule(plugin, name, ScheduledJob{std::move(when)}, std::move(work));
}
template <class Work>
Provided& schedule(Plugin& plugin, const std::string& name, std::chrono::seconds period, Work work) {
  return schedule(plugin, name, "@every " + std::to_string(period.count()) + "s", std::move(work));
}

}  // namespace atrium
