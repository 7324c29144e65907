#include "audit/filter.hpp"

namespace kernel::audit {
namespace {

using atrium::query_parameter;

/// "kind<separator>id", an id, or either of them alone.
struct Named {
  std::string_view kind_column, id_column;
  char separator;
};

std::pair<std::string, std::vector<std::string>> naming(const Named& named, std::string_view text) {
  const std::string kind(named.kind_column), id(named.id_column);
  if (const auto at = text.find(named.separator); at != text.npos)
    return {kind + " = ? AND " + id + " = ?", {std::string(text.substr(0, at)), std::string(text.substr(at + 1))}};
  if (atrium::Id::parse(text)) return {id + " = ?", {std::string(text)}};
  return {kind + " = ? OR " + id + " = ?", {std::string(text), std::string(text)}};
}

std::string pattern_of(std::string_view prefix) {
  std::string pattern;
  for (const char c : prefix) {
    if (c == '%' || c == '_' || c == '\\') pattern += '\\';
    pattern += c;
  }
  return pattern + '%';
}

}  // namespace

atrium::Json filter_parameters() {
  const atrium::Json time = {{"type", "string"}, {"format", "date-time"}};
  return {query_parameter("actor", "Who: an id, a kind such as user or agent, or kind:id"),
          query_parameter("action", "What: task.created, or every one that begins so: task.*"),
          query_parameter("resource", "To which: an id, a kind such as task, or kind/id"),
          query_parameter("outcome", "Only these", {{"type", "string"}, {"enum", {"success", "failure"}}}),
          query_parameter("since", "From this time on", time),
          query_parameter("until", "Before this time", time)};
}

Filter::Filter(const atrium::Request& request) {
  std::vector<atrium::Fault> faults;
  const auto given = [&](std::string_view name) {
    const auto text = request.query(name);
    if (text && text->empty()) faults.push_back({"?" + std::string(name), "must not be empty"});
    return text;
  };
  for (const auto& [name, named] : {std::pair("actor", Named{"actor_kind", "actor_id", ':'}),
                                    std::pair("resource", Named{"resource", "resource_id", '/'})}) {
    if (const auto text = given(name)) {
      auto [sql, texts] = naming(named, *text);
      conditions_.push_back({std::move(sql), std::move(texts), {}});
    }
  }
  if (const auto text = given("action")) {
    if (text->ends_with('*'))
      conditions_.push_back({"action LIKE ? ESCAPE '\\'", {pattern_of(text->substr(0, text->size() - 1))}, {}});
    else
      conditions_.push_back({"action = ?", {std::string(*text)}, {}});
  }
  if (const auto text = given("outcome")) {
    if (*text != "success" && *text != "failure") faults.push_back({"?outcome", "must be success or failure"});
    conditions_.push_back({"outcome = ?", {std::string(*text)}, {}});
  }
  for (const auto& [name, sql] : {std::pair("since", "time_us >= ?"), std::pair("until", "time_us < ?")}) {
    const auto text = request.query(name);
    if (!text) continue;
    if (const auto time = atrium::Time::parse(*text))
      conditions_.push_back({sql, {}, {time->microseconds}});
    else
      faults.push_back({"?" + std::string(name), "must be a time such as 2026-01-31T12:00:00Z"});
  }
  if (!faults.empty()) throw atrium::invalid(std::move(faults));
}

std::string Filter::where(atrium::Parameters& parameters) const {
  std::string sql = " WHERE 1 = 1";
  for (const auto& condition : conditions_) {
    sql.append(" AND (").append(condition.sql).append(")");
    for (const auto& text : condition.texts) parameters.own_text(text);
    for (const auto number : condition.numbers) parameters.integer(number);
  }
  return sql;
}

}  // namespace kernel::audit
