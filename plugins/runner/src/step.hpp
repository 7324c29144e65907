#pragma once
#include <atrium/llm.hpp>

namespace runner {

using namespace std::string_view_literals;

enum class Kind : std::uint8_t { llm, tool };
constexpr auto names_of(Kind) { return std::array{"llm"sv, "tool"sv}; }

/// One step of an agent's work. content of "llm": the ChatAnswer; of "tool": {"use", "result"} or {"use", "error"}.
struct Step {
  atrium::Id task_id;
  std::int64_t attempt = 0, number = 0;
  Kind kind = Kind::llm;
  bool is_done = true;
  atrium::Json content;
  atrium::Time began_at;
  std::optional<atrium::Time> ended_at;

  static constexpr auto members = atrium::members(
      atrium::member("task_id", &Step::task_id).read_only(), atrium::member("attempt", &Step::attempt).read_only(),
      atrium::member("number", &Step::number).read_only(), atrium::member("kind", &Step::kind).read_only(),
      atrium::member("is_done", &Step::is_done).read_only().description("False while a tool is at work"),
      atrium::member("content", &Step::content).read_only(), atrium::member("began_at", &Step::began_at).read_only(),
      atrium::member("ended_at", &Step::ended_at).read_only());
};

inline std::vector<Step> steps_of(const atrium::Store& store, std::string_view task_id,
                                  std::optional<std::int64_t> attempt = std::nullopt) {
  std::vector<Step> steps;
  const auto take = [&](const atrium::Row& row) { steps.push_back(row.as<Step>()); };
  static const std::string select = "SELECT " + atrium::columns<Step>() + " FROM runner_steps WHERE task_id = ?";
  static const std::string all = select + " ORDER BY attempt, number",
                           one = select + " AND attempt = ? ORDER BY number";
  attempt ? store.query(one, take, task_id, *attempt) : store.query(all, take, task_id);
  return steps;
}

/// Stores a step; a tool that has begun is stored again when it is done.
inline void put(const atrium::Transaction& tx, const Step& step) {
  static const std::string sql =
      "INSERT INTO runner_steps (" + atrium::columns<Step>() +
      ") VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (task_id, attempt, number) DO UPDATE SET "
      "is_done = excluded.is_done, content = excluded.content, ended_at = excluded.ended_at";
  atrium::Parameters parameters;
  atrium::bind_columns(parameters, step);
  tx.run(sql, parameters, {});
}

}  // namespace runner
