#pragma once
#include <atrium/plugin.hpp>

namespace agents {

using namespace std::string_view_literals;

enum class Status : std::uint8_t { offline, idle, busy, error };
constexpr auto names_of(Status) { return std::array{"offline"sv, "idle"sv, "busy"sv, "error"sv}; }

/// How far an agent may go alone: which tool calls need a person's approval first.
enum class Autonomy : std::uint8_t { autonomous, cautious, supervised, read_only };
constexpr auto names_of(Autonomy) { return std::array{"autonomous"sv, "cautious"sv, "supervised"sv, "read_only"sv}; }

struct Agent {
  atrium::Id id;
  std::string name, description, role;
  std::optional<std::string> llm_provider, llm_model;
  std::string system_prompt;
  std::vector<std::string> enabled_tools;
  std::optional<atrium::Id> worker_id;
  std::optional<double> temperature;
  std::optional<std::int64_t> max_tokens;
  std::int64_t max_concurrent_tasks = 1;
  Autonomy autonomy = Autonomy::cautious;
  Status status = Status::offline;
  std::int64_t running_tasks = 0;
  atrium::Time created_at, updated_at;
  std::int64_t revision = 0;
  std::optional<atrium::Time> deleted_at;

  static constexpr std::string_view table = "agents", event = "agent";
  static constexpr auto members = atrium::members(
      atrium::member("id", &Agent::id).read_only(), atrium::member("name", &Agent::name).length(1, 200).required(),
      atrium::member("description", &Agent::description).length(0, 10'000),
      atrium::member("role", &Agent::role)
          .length(0, 100)
          .description("What it is in the team: researcher, reviewer, ..."),
      atrium::member("llm_provider", &Agent::llm_provider)
          .length(1, 100)
          .description("One of the installed providers; null: the first that is configured"),
      atrium::member("llm_model", &Agent::llm_model)
          .length(1, 200)
          .description("A model of the provider; null: the provider's default"),
      atrium::member("system_prompt", &Agent::system_prompt).length(0, 100'000),
      atrium::member("enabled_tools", &Agent::enabled_tools).items(0, 200).length(1, 100),
      atrium::member("worker_id", &Agent::worker_id)
          .description("The remote worker that runs it; null: the kernel's own runner"),
      atrium::member("temperature", &Agent::temperature).range(0, 2),
      atrium::member("max_tokens", &Agent::max_tokens)
          .range(1, 10'000'000)
          .description("The most tokens one task may cost"),
      atrium::member("max_concurrent_tasks", &Agent::max_concurrent_tasks).range(1, 1'000),
      atrium::member("autonomy", &Agent::autonomy).description("Which tool calls a person must approve first"),
      atrium::member("status", &Agent::status).read_only(),
      atrium::member("running_tasks", &Agent::running_tasks).read_only(),
      atrium::member("created_at", &Agent::created_at).read_only(),
      atrium::member("updated_at", &Agent::updated_at).read_only(),
      atrium::member("revision", &Agent::revision).read_only(),
      atrium::member("deleted_at", &Agent::deleted_at).hidden());
};

}  // namespace agents
