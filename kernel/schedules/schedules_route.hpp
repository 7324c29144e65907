#pragma once
// GET /scheduled-jobs: built into the kernel, declared as a plugin declares its own.
#include "schedules/scheduler.hpp"

namespace kernel::schedules {

class SchedulesRoute final : public atrium::Plugin {
 public:
  /// `scheduler` outlives this object.
  explicit SchedulesRoute(Scheduler& scheduler) : scheduler_(scheduler) {}
  void start() override;

 private:
  Scheduler& scheduler_;
};

}  // namespace kernel::schedules
