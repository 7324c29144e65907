// atrium.jobs: work on the pool, and timers.
#include "jobs/jobs.hpp"

#include "abi/host_state.hpp"

#include <memory>
#include <mutex>

namespace kernel::abi {
namespace {

/// A timer of delay 0 may run, and cancel itself, before the function that made it has put it in here.
struct TimerEntry {
  std::shared_ptr<HostState> host;
  std::mutex mutex;
  bool cancelled = false;
  std::unique_ptr<jobs::Timer> timer;

  void begun(std::unique_ptr<jobs::Timer> made) {
    const std::lock_guard lock(mutex);
    if (!cancelled) timer = std::move(made);
  }
  /// To be destroyed by the caller, outside of the lock: that waits for a running call.
  std::unique_ptr<jobs::Timer> cancel() {
    const std::lock_guard lock(mutex);
    cancelled = true;
    return std::move(timer);
  }
};
using Timers = Handles<atrium_timer, TimerEntry>;

void run_job(HostState& host, atrium_job_fn job, void* self) {
  const Inside inside(host);
  if (inside) notify_plugin(host, "a job", [&] { job(self); });
}

std::int32_t stopping(atrium_err* error) { return fail(error, ATRIUM_E_CANCELLED, "the plugin is being stopped"); }

Milliseconds checked(std::int64_t milliseconds, std::int64_t least, const char* what) {
  constexpr std::int64_t longest = std::int64_t{10} * 365 * 24 * 3600 * 1000;
  if (milliseconds < least || milliseconds > longest) {
    throw std::invalid_argument(std::string(what) + " must be " + std::to_string(least) + " to " +
                                std::to_string(longest));
  }
  return Milliseconds(milliseconds);
}

std::int32_t post(const atrium_host* handle, atrium_job_fn job, void* self, atrium_err* error) {
  return guard(error, [&]() -> std::int32_t {
    HostState& host = HostState::of(handle);
    auto promise = Promise::make(host);
    if (!promise) return stopping(error);
    auto work = [state = host.shared_from_this(), promise, job, self] { run_job(*state, job, self); };
    if (host.parts.jobs.post(std::move(work))) return ATRIUM_OK;
    return fail(error, ATRIUM_E_UNAVAILABLE, "the pool's queue is full; try again later");
  });
}

/// Puts a timer under a handle. `promise` is held only here: a timer set while the host is revoked must not be missed.
template <class Start>
std::int32_t add_timer(HostState& host, atrium_timer** out, atrium_err* error, Start start) {
  const auto promise = Promise::make(host);
  if (!promise) return stopping(error);
  auto entry = std::make_shared<TimerEntry>();
  entry->host = host.shared_from_this();
  atrium_timer* timer = Timers::instance().put(entry);
  if (out != nullptr) *out = timer;
  try {
    entry->begun(start(timer));
  } catch (...) {
    Timers::instance().take(timer);
    if (out != nullptr) *out = nullptr;
    throw;
  }
  return ATRIUM_OK;
}

std::int32_t after(const atrium_host* handle, std::int64_t delay_ms, atrium_job_fn job, void* self, atrium_timer** out,
                   atrium_err* error) {
  return guard(error, [&] {
    HostState& host = HostState::of(handle);
    const auto delay = checked(delay_ms, 0, "delay_ms");
    return add_timer(host, out, error, [&](atrium_timer* timer) {
      return host.parts.jobs.once(delay, [state = host.shared_from_this(), timer, job, self] {
        const auto keep = state;  // taking the entry may destroy this function
        const auto own = timer;
        run_job(*keep, job, self);
        Timers::instance().take(own);
      });
    });
  });
}

std::int32_t every(const atrium_host* handle, std::int64_t period_ms, atrium_job_fn job, void* self, atrium_timer** out,
                   atrium_err* error) {
  return guard(error, [&] {
    HostState& host = HostState::of(handle);
    const auto period = checked(period_ms, 1, "period_ms");
    return add_timer(host, out, error, [&](atrium_timer*) {
      return host.parts.jobs.every(period, [state = host.shared_from_this(), job, self] {
        const auto keep = state;  // the job may cancel its own timer
        run_job(*keep, job, self);
      });
    });
  });
}

void cancel(atrium_timer* timer) {
  guard(nullptr, [&] {
    if (const auto entry = Timers::instance().take(timer)) entry->cancel().reset();
    return ATRIUM_OK;
  });
}

}  // namespace

void end_timers(HostState& host) {
  for (atrium_timer* timer : Timers::instance().of(&host)) cancel(timer);
}

const atrium_jobs jobs_table = {sizeof(atrium_jobs), 0, post, after, every, cancel};

}  // namespace kernel::abi
