#pragma once
// Starts the services of the kind scheduled.job by the clock: each run on one node, a missed one once, none beside
// itself.
#include "jobs/jobs.hpp"
#include "observability/metrics.hpp"
#include "plugins/services.hpp"
#include "schedules/job_table.hpp"
#include "schedules/schedule.hpp"

#include <atrium/scheduled_job.hpp>

#include <condition_variable>
#include <map>
#include <mutex>
#include <set>

namespace kernel::schedules {

class Scheduler {
 public:
  struct Options {
    std::chrono::milliseconds tick{1'000};
    /// How long a node that has died keeps a run from the others; their clocks must agree to within it.
    std::chrono::seconds lease{60};
    std::function<atrium::Time()> now = atrium::Time::now;
  };
  /// What is given outlives this object.
  Scheduler(storage::Database& database, plugins::Services& services, jobs::Jobs& jobs, observability::Metrics& metrics,
            Options options);
  ~Scheduler();

  /// tick(), now and from now on.
  void start();
  /// Breaks off what runs; it is due again at the next start. Waits until its end is recorded.
  void stop();
  /// Begins what is due, and renews what runs. Waits for the database.
  void tick();
  /// Until the end of everything that this node runs is recorded.
  void wait_until_quiet();

  /// {"items": [{"job", "schedule", "summary", "is_present", "is_running", "next_at", "started_at", "ended_at",
  /// "failure"}]}
  atrium::Json describe();

 private:
  struct Known {
    std::string text;                  ///< of the schedule
    std::optional<Schedule> schedule;  ///< none: it cannot be read
    atrium::Time due;
    bool running = false;
    atrium::Time renew_at, began;
    std::shared_ptr<plugins::CallHandle> call;
  };
  void tick_one(const plugins::Provider& provider, Known& known, atrium::Time now);
  bool read(const plugins::Provider& provider, const std::string& text, Known& known, atrium::Time now);
  void run(const std::string& service, const atrium::ScheduledJob& job, Known& known, atrium::Time now);
  void ended(const std::string& service, std::int32_t status, std::string_view answer);
  void recorded(const std::string& service);

  JobTable table_;
  plugins::Services& services_;
  jobs::Jobs& jobs_;
  observability::Metrics& metrics_;
  const Options options_;
  std::mutex ticking_;  ///< held through a tick
  std::mutex mutex_;    ///< for known_
  std::condition_variable quiet_;
  std::map<std::string, Known> known_;  ///< entries stay, so that references into it do
  bool stopping_ = false;
  std::unique_ptr<jobs::Timer> timer_;
};

}  // namespace kernel::schedules
