#pragma once
#include <atrium/plugin.hpp>

namespace tasks {

using namespace std::string_view_literals;
using atrium::name_of;

enum class Priority : std::uint8_t { low, medium, high, critical };
constexpr auto names_of(Priority) { return std::array{"low"sv, "medium"sv, "high"sv, "critical"sv}; }

enum class Status : std::uint8_t { pending, assigned, in_progress, review, completed, failed, cancelled };
constexpr auto names_of(Status) {
  return std::array{"pending"sv, "assigned"sv, "in_progress"sv, "review"sv, "completed"sv, "failed"sv, "cancelled"sv};
}

struct Task {
  atrium::Id id;
  std::string title, description, instructions;
  Priority priority = Priority::medium;
  std::optional<atrium::Id> agent_id;
  std::optional<atrium::Time> deadline;
  std::vector<std::string> required_tools;
  std::int64_t max_retries = 3;
  Status status = Status::pending;
  std::optional<std::string> result, error;
  std::vector<std::string> output_files;
  std::int64_t retry_count = 0, progress_percent = 0;
  std::optional<atrium::Id> worker_id, parent_task_id, workflow_run_id;
  atrium::Money cost_usd;
  std::int64_t input_tokens = 0, output_tokens = 0;
  std::optional<atrium::Time> started_at, completed_at;
  atrium::Time created_at, updated_at;
  std::int64_t revision = 0;
  std::optional<std::string> lease;
  std::optional<atrium::Time> lease_until;
  atrium::Time not_before;

  static constexpr std::string_view table = "tasks", event = "task";
  static constexpr auto members = atrium::members(
      atrium::member("id", &Task::id).read_only(), atrium::member("title", &Task::title).length(1, 500).required(),
      atrium::member("description", &Task::description).length(0, 100'000),
      atrium::member("instructions", &Task::instructions)
          .length(0, 100'000)
          .description("What the agent is told to do"),
      atrium::member("priority", &Task::priority).ranked(),
      atrium::member("agent_id", &Task::agent_id).description("Who does it; null: nobody yet"),
      atrium::member("deadline", &Task::deadline).description("After it the task fails with deadline_exceeded"),
      atrium::member("required_tools", &Task::required_tools).items(0, 100).length(1, 100),
      atrium::member("max_retries", &Task::max_retries).range(0, 100), atrium::member("status", &Task::status),
      atrium::member("result", &Task::result).length(0, 1'000'000),
      atrium::member("error", &Task::error).length(0, 100'000),
      atrium::member("output_files", &Task::output_files).items(0, 1'000).length(1, 200),
      atrium::member("retry_count", &Task::retry_count).read_only(),
      atrium::member("progress_percent", &Task::progress_percent).range(0, 100),
      atrium::member("worker_id", &Task::worker_id), atrium::member("parent_task_id", &Task::parent_task_id),
      atrium::member("workflow_run_id", &Task::workflow_run_id).read_only(),
      atrium::member("cost_usd", &Task::cost_usd).range(0, 1e9),
      atrium::member("input_tokens", &Task::input_tokens).range(0, 1e15),
      atrium::member("output_tokens", &Task::output_tokens).range(0, 1e15),
      atrium::member("started_at", &Task::started_at).read_only(),
      atrium::member("completed_at", &Task::completed_at).read_only(),
      atrium::member("created_at", &Task::created_at).read_only(),
      atrium::member("updated_at", &Task::updated_at).read_only(),
      atrium::member("revision", &Task::revision).read_only(), atrium::member("lease", &Task::lease).hidden(),
      atrium::member("lease_until", &Task::lease_until).hidden(),
      atrium::member("not_before", &Task::not_before).hidden());

  bool is_over() const {
    return status == Status::completed || status == Status::failed || status == Status::cancelled;
  }
  bool is_running() const { return status == Status::in_progress || status == Status::review; }
};

/// Members that whoever works on the task reports; everything else is its author's.
inline constexpr std::array reported_members{"status"sv,       "result"sv,           "error"sv,
                                      "output_files"sv, "progress_percent"sv, "cost_usd"sv,
                                      "input_tokens"sv, "output_tokens"sv,    "worker_id"sv};

}  // namespace tasks
