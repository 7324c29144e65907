#pragma once
// The queue: every move of a task's status, with what must move along in the same transaction.
#include "task.hpp"

namespace tasks {

/// Throws 409 when a task may not move from one status to the other.
void require_move(Status from, Status to);

/// Functions work inside a transaction; each leaves the task's row, its agent's count of running tasks, the audit row
/// and the event in agreement.
class Queue {
 public:
  explicit Queue(const atrium::Services& services) : services_(&services) {}

  /// Writes `task` after its status was changed from `before`: counts, times, lease and event follow.
  void move(atrium::Transaction& tx, Task& task, Status before) const;
  /// The same for a task that is not stored yet.
  void place(atrium::Transaction& tx, Task& task) const;

  struct Claim {
    std::optional<atrium::Id> worker;  ///< none: the kernel's own runner
    std::string lease;                 ///< names the claimer; only it may report
    std::int64_t most = 1;
    std::chrono::milliseconds duration{90'000};
  };
  /// Leases the most urgent tasks of agents that have a free slot; missing tools fail a task on the way.
  std::vector<Task> claim(atrium::Transaction& tx, const Claim& claim) const;
  /// One certain task, for a worker that asked for it by id; 409 when somebody else has it.
  static void claim_one(Task& task, const atrium::Id& worker);

  /// A failure that may pass: tried again after a pause while retries are left, else failed.
  void fail(atrium::Transaction& tx, Task& task, std::string error, bool may_retry) const;

  void agent_changed(atrium::Transaction& tx, const atrium::Json& agent) const;
  /// Fetches what the queue does not know yet of an agent; 422 when there is none.
  void know_agent(atrium::Transaction& tx, const atrium::Id& agent) const;
  void release(atrium::Transaction& tx, std::vector<Task> tasks) const;  ///< back to assigned, counting no retry
  void cancel(atrium::Transaction& tx, std::vector<Task> tasks) const;

 private:
  std::string missing_tools(atrium::Transaction& tx, const Task& task) const;
  void count_running(atrium::Transaction& tx, const atrium::Id& agent, int change) const;
  const atrium::Services* services_;
};

}  // namespace tasks
