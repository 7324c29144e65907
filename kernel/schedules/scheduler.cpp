#include "schedules/scheduler.hpp"

#include "observability/log.hpp"

#include <algorithm>

namespace kernel::schedules {
namespace {

using atrium::Json;
using atrium::Time;
using observability::Level;

// One process at a time opens an SQLite file, so its leases survive a restart under one name.
std::string node_name(storage::Dialect dialect) {
  return dialect == storage::Dialect::sqlite ? "embedded" : atrium::Id::make().str();
}

std::string name_of(const std::string& service) { return service.substr(service.find('/') + 1); }

atrium::ScheduledJob job_of(const plugins::Provider& provider) {
  return atrium::from_message<atrium::ScheduledJob>(Json::parse(provider.metadata, nullptr, false));
}

Json time_or_null(const std::optional<Time>& time) { return time ? Json(time->text()) : Json(); }

}  // namespace

Scheduler::Scheduler(storage::Database& database, plugins::Services& services, jobs::Jobs& jobs,
                     observability::Metrics& metrics, Options options)
    : table_(database, node_name(database.dialect())),
      services_(services),
      jobs_(jobs),
      metrics_(metrics),
      options_(std::move(options)) {}

Scheduler::~Scheduler() { stop(); }

void Scheduler::start() {
  tick();
  timer_ = jobs_.every(options_.tick, [this] { tick(); });
}

void Scheduler::stop() {
  timer_.reset();
  std::vector<std::shared_ptr<plugins::CallHandle>> calls;
  std::unique_lock lock(mutex_);
  stopping_ = true;
  for (auto& [service, known] : known_)
    if (known.call) calls.push_back(known.call);
  lock.unlock();
  for (const auto& call : calls) call->cancel();
  wait_until_quiet();
}

void Scheduler::wait_until_quiet() {
  std::unique_lock lock(mutex_);
  quiet_.wait(lock, [this] {
    return std::none_of(known_.begin(), known_.end(), [](const auto& entry) { return entry.second.running; });
  });
}

void Scheduler::tick() {
  const std::lock_guard ticking(ticking_);
  const auto now = options_.now();
  for (const auto& provider : services_.find(atrium::scheduled_job_kind)) {
    std::unique_lock lock(mutex_);
    if (stopping_) return;
    Known& known = known_[provider->service];
    lock.unlock();
    try {
      tick_one(*provider, known, now);
    } catch (const std::exception& fault) {
      observability::log(Level::warning, "scheduler", provider->service + " is looked at again later: " + fault.what());
    }
  }
}

void Scheduler::tick_one(const plugins::Provider& provider, Known& known, Time now) {
  std::unique_lock lock(mutex_);
  const bool running = known.running;
  const bool renew = running && now >= known.renew_at;
  lock.unlock();
  if (renew) {
    table_.renew(provider.service, now + options_.lease);
    known.renew_at = now + options_.lease / 3;
  }
  if (running) return;
  atrium::ScheduledJob job;
  try {
    job = job_of(provider);
  } catch (const atrium::Problem& problem) {
    job.schedule = problem.what();
  }
  if (job.schedule != known.text && !read(provider, job.schedule, known, now)) return;
  if (!known.schedule || now < known.due) return;
  if (table_.claim(provider.service, known.due, now, now + options_.lease))
    return run(provider.service, job, known, now);
  // Another node runs it, or has run it, or knows another schedule of it while a plugin is being upgraded.
  if (const auto due = table_.due(provider.service))
    known.due = *due;
  else
    known.text.clear();
}

/// False: it cannot be read, which is said once.
bool Scheduler::read(const plugins::Provider& provider, const std::string& text, Known& known, Time now) {
  known.schedule.reset();
  try {
    const auto schedule = Schedule::parse(text);
    known.due = table_.put(provider.service, text, schedule.next(now, now));
    known.schedule = schedule;
  } catch (const std::invalid_argument& fault) {
    observability::log(Level::error, provider.owner, provider.service + " never runs: " + fault.what());
  }
  known.text = text;
  return known.schedule.has_value();
}

void Scheduler::run(const std::string& service, const atrium::ScheduledJob& job, Known& known, Time now) {
  plugins::Services::Request request;
  request.caller = "kernel";
  request.service = service;
  request.method = "run";
  request.json = Json{{"due_at", known.due.text()}}.dump();
  request.timeout = std::chrono::seconds(job.timeout_seconds);
  request.reply = [this, service](std::int32_t status, std::string_view answer) { ended(service, status, answer); };
  {
    const std::lock_guard lock(mutex_);
    known.running = true;
    known.began = now;
    known.renew_at = now + options_.lease / 3;
  }
  auto call = services_.call(std::move(request));
  if (!call) return table_.release(service, [this, service] { recorded(service); });
  std::unique_lock lock(mutex_);
  if (known.running) known.call = call;
  const bool late = stopping_;
  lock.unlock();
  if (late) call->cancel();
}

void Scheduler::ended(const std::string& service, std::int32_t status, std::string_view answer) {
  std::unique_lock lock(mutex_);
  Known& known = known_[service];
  known.call.reset();
  const bool broken_off = stopping_ && status == ATRIUM_E_CANCELLED;
  const auto began = known.began, due = known.due;
  lock.unlock();
  if (broken_off) return table_.release(service, [this, service] { recorded(service); });
  const auto now = options_.now();
  const std::string failure = status < 0 ? atrium::detail::problem_of(status, answer).what() : "";
  const observability::Labels labels{{"job", name_of(service)}};
  metrics_.observe("atrium_scheduled_run_seconds", labels,
                   static_cast<double>(now.microseconds - began.microseconds) / 1e6, "How long scheduled jobs ran");
  metrics_.add("atrium_scheduled_runs_total",
               {{"job", name_of(service)}, {"outcome", status < 0 ? "failure" : "success"}}, 1,
               "Runs of scheduled jobs that have ended");
  if (status < 0) {
    observability::log(Level::warning, "scheduler", service + " failed, and runs again at its next time: " + failure);
  } else {
    metrics_.set("atrium_scheduled_last_success_timestamp_seconds", labels, static_cast<double>(now.microseconds) / 1e6,
                 "When a scheduled job last ended well");
  }
  // A clock that lags behind the node that ran it last must not bring the same time again.
  const auto next = known.schedule->next(due, std::max(now, due));
  table_.finish(service, next, now, failure, [this, service, next] {
    {
      const std::lock_guard again(mutex_);
      known_[service].due = next;
    }
    recorded(service);
  });
}

void Scheduler::recorded(const std::string& service) {
  const std::lock_guard lock(mutex_);
  known_[service].running = false;
  quiet_.notify_all();
}

Json Scheduler::describe() {
  std::map<std::string, std::string> summaries;
  for (const auto& provider : services_.find(atrium::scheduled_job_kind)) {
    const Json metadata = Json::parse(provider->metadata, nullptr, false);
    summaries[provider->service] = metadata.is_object() ? metadata.value("summary", "") : "";
  }
  Json items = Json::array();
  for (const auto& row : table_.all()) {
    const auto found = summaries.find(row.service);
    items.push_back({{"job", name_of(row.service)},
                     {"schedule", row.schedule},
                     {"summary", found == summaries.end() ? "" : found->second},
                     {"is_present", found != summaries.end()},
                     {"is_running", row.is_leased},
                     {"next_at", row.next_at.text()},
                     {"started_at", time_or_null(row.started_at)},
                     {"ended_at", time_or_null(row.ended_at)},
                     {"failure", row.failure.empty() ? Json() : Json(row.failure)}});
  }
  return {{"items", std::move(items)}};
}

}  // namespace kernel::schedules
