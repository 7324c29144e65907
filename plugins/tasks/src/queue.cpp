#include "queue.hpp"

namespace tasks {
namespace {

constexpr std::string_view directory = "agents/directory";

std::chrono::microseconds backoff(std::int64_t retry) {
  return std::chrono::seconds(std::min<std::int64_t>(std::int64_t{1} << std::min<std::int64_t>(retry, 8), 300));
}

std::string topic_of(const Task& task) {
  if (task.status == Status::completed) return "task.completed";
  if (task.status == Status::failed) return "task.failed";
  return "task.updated";
}

}  // namespace

void require_move(Status from, Status to) {
  using enum Status;
  const bool allowed =
      from == to || (from == pending && to == assigned) || (from == assigned && (to == in_progress || to == pending)) ||
      (from == in_progress && (to == completed || to == failed || to == review || to == assigned)) ||
      (from == review && to == in_progress) ||
      (to == cancelled && (from == pending || from == assigned || from == in_progress || from == review));
  if (allowed) return;
  throw atrium::conflict("A task that is " + std::string(name_of(from)) + " cannot become " + std::string(name_of(to)) +
                         ".");
}

void Queue::move(atrium::Transaction& tx, Task& task, Status before) const {
  const auto now = atrium::Time::now();
  const bool ran = before == Status::in_progress || before == Status::review;
  if (task.status == Status::in_progress && !task.started_at) task.started_at = now;
  if (task.is_over()) task.completed_at = now;
  if (task.status == Status::completed) task.progress_percent = 100;
  if (!task.is_running()) {
    task.lease.reset();
    task.lease_until.reset();
  }
  tx.update(task);
  tx.publish(topic_of(task), task);
  if (task.agent_id && ran != task.is_running()) count_running(tx, *task.agent_id, task.is_running() ? 1 : -1);
}

void Queue::place(atrium::Transaction& tx, Task& task) const {
  task.status = task.agent_id ? Status::assigned : Status::pending;
  if (task.agent_id) know_agent(tx, *task.agent_id);
}

std::vector<Task> Queue::claim(atrium::Transaction& tx, const Claim& claim) const {
  const auto now = atrium::Time::now();
  std::vector<std::string> candidates;
  const std::string_view worker = claim.worker ? claim.worker->text() : std::string_view{};
  tx.query(
      "SELECT t.id FROM tasks t JOIN task_agents a ON a.agent_id = t.agent_id "
      "WHERE t.status = 'assigned' AND t.not_before <= ? AND a.active AND a.running < a.slots AND "
      "COALESCE(a.worker_id, '') = ? "
      "ORDER BY t.priority DESC, t.id LIMIT ?",
      [&](const atrium::Row& row) { candidates.emplace_back(row.text(0)); }, now, worker, claim.most * 4);

  std::vector<Task> claimed;
  for (const auto& id : candidates) {
    if (static_cast<std::int64_t>(claimed.size()) == claim.most) break;
    // Changes nothing, but holds the agent's row, so that of two nodes the second sees what the first has taken.
    const auto slots = tx.exec(
        "UPDATE task_agents SET running = running WHERE active AND running < slots AND agent_id = "
        "(SELECT agent_id FROM tasks WHERE id = ?)",
        id);
    if (slots == 0) continue;
    const auto taken = tx.exec(
        "UPDATE tasks SET lease = ?, lease_until = ? WHERE id = ? AND status = 'assigned' AND lease IS NULL",
        claim.lease, now + claim.duration, id);
    if (taken == 0) continue;
    Task task = tx.find<Task>("id = ?", id).at(0);
    const auto before = task.status;
    if (const auto missing = missing_tools(tx, task); !missing.empty()) {
      task.status = Status::failed;
      task.error = "Its agent lacks the tools it requires: " + missing;
      move(tx, task, before);
      continue;
    }
    task.status = Status::in_progress;
    task.worker_id = claim.worker;
    move(tx, task, before);
    claimed.push_back(std::move(task));
  }
  return claimed;
}

std::string Queue::missing_tools(atrium::Transaction& tx, const Task& task) const {
  if (task.required_tools.empty()) return {};
  const auto enabled =
      tx.call(directory, "get", {{"id", task.agent_id->text()}}).value("enabled_tools", std::vector<std::string>{});
  std::string missing;
  for (const auto& tool : task.required_tools)
    if (std::find(enabled.begin(), enabled.end(), tool) == enabled.end())
      missing.append(missing.empty() ? "" : ", ").append(tool);
  return missing;
}

void Queue::claim_one(Task& task, const atrium::Id& worker) {
  if (task.status == Status::in_progress && task.lease)
    throw atrium::conflict("Somebody is working on this task already.");
  task.lease = worker.str();
  task.lease_until = atrium::Time::now() + std::chrono::seconds(90);
  task.worker_id = worker;
}

void Queue::fail(atrium::Transaction& tx, Task& task, std::string error, bool may_retry) const {
  const auto before = task.status;
  task.error = std::move(error);
  if (may_retry && task.retry_count < task.max_retries) {
    ++task.retry_count;
    task.status = Status::assigned;
    task.not_before = atrium::Time::now() + backoff(task.retry_count);
  } else {
    task.status = Status::failed;
  }
  move(tx, task, before);
}

void Queue::agent_changed(atrium::Transaction& tx, const atrium::Json& agent) const {
  const std::string id = agent.at("agent_id"),
                    worker = agent.at("worker_id").is_null() ? "" : agent.at("worker_id").get<std::string>();
  const bool active = agent.at("active");
  const std::int64_t slots = agent.at("slots");
  tx.exec(
      "INSERT INTO task_agents (agent_id, active, worker_id, slots, running) VALUES (?, ?, NULLIF(?, ''), ?, 0) "
      "ON CONFLICT (agent_id) DO UPDATE SET active = excluded.active, worker_id = excluded.worker_id, slots = "
      "excluded.slots",
      id, active, worker, slots);
}

void Queue::know_agent(atrium::Transaction& tx, const atrium::Id& agent) const {
  agent_changed(tx, atrium::require(tx, directory, agent, "/agent_id").at("queue"));
}

void Queue::release(atrium::Transaction& tx, std::vector<Task> tasks) const {
  for (auto& task : tasks) {
    const auto before = task.status;
    task.status = Status::assigned;
    task.worker_id.reset();
    move(tx, task, before);
  }
}

void Queue::cancel(atrium::Transaction& tx, std::vector<Task> tasks) const {
  for (auto& task : tasks) {
    const auto before = task.status;
    task.status = Status::cancelled;
    move(tx, task, before);
  }
}

void Queue::count_running(atrium::Transaction& tx, const atrium::Id& agent, int change) const {
  tx.exec("UPDATE task_agents SET running = running + ? WHERE agent_id = ?", change, agent);
  const auto running = tx.value<std::int64_t>("SELECT running FROM task_agents WHERE agent_id = ?", agent).value_or(0);
  if (services_->has(directory)) tx.call(directory, "set_running", {{"agent_id", agent.text()}, {"running", running}});
}

}  // namespace tasks
