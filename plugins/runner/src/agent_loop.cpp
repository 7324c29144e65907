#include "agent_loop.hpp"

namespace runner {

using atrium::Async;
using atrium::Json;
using namespace atrium::llm;

namespace {

constexpr std::string_view queue = "tasks/queue";

std::string text_or_empty(const Json& json, const char* member) {
  const auto found = json.find(member);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string instructions_of(const Json& task) {
  std::string text = text_or_empty(task, "instructions");
  if (text.empty()) text = text_or_empty(task, "description");
  const auto title = text_or_empty(task, "title");
  return text.empty() ? title : "Task: " + title + "\n\n" + text;
}

}  // namespace

AgentLoop::AgentLoop(const atrium::Store& store, const atrium::Services& services, atrium::Principal principal,
                     Json task, std::string lease, Limits limits, atrium::Cancellation cancellation)
    : store_(store),
      services_(services),
      principal_(std::move(principal)),
      task_(std::move(task)),
      lease_(std::move(lease)),
      limits_(limits),
      cancellation_(std::move(cancellation)) {}

Async<void> AgentLoop::run() {
  auto reading = services_.call("agents/directory", "get", {{"id", task_.at("agent_id")}});
  agent_ = co_await reading;
  resume();
  for (;;) {
    while (!wanted_.empty()) {
      auto using_it = use(wanted_.front());
      co_await using_it;
    }
    if (steps_ >= limits_.max_steps)
      throw atrium::Problem(422, "step-limit", "The agent did not finish",
                            "It took " + std::to_string(steps_) + " steps, the most that are allowed.");
    if (const auto most = agent_.value("max_tokens", Json()); most.is_number() && tokens_ >= most.get<std::int64_t>())
      throw atrium::Problem(422, "token-limit", "The agent did not finish",
                            "It used " + std::to_string(tokens_) + " tokens; its limit is " + most.dump() + ".");
    auto asking = ask();
    if (co_await asking) co_return;
  }
}

void AgentLoop::resume() {
  if (const auto system = text_or_empty(agent_, "system_prompt"); !system.empty())
    messages_.push_back({.role = "system", .content = system, .tool_use_id = {}, .tool_uses = {}});
  messages_.push_back({.role = "user", .content = instructions_of(task_), .tool_use_id = {}, .tool_uses = {}});
  for (const auto& step :
       steps_of(store_, task_.at("id").get<std::string>(), task_.at("retry_count").get<std::int64_t>())) {
    if (!step.is_done) {
      begun_.push_back(step);
      continue;
    }
    show(step);
    steps_ = step.number;
  }
}

/// Puts a step that is done before the model.
void AgentLoop::show(const Step& step) {
  if (step.kind == Kind::llm) {
    const auto answer = atrium::from_message<ChatAnswer>(step.content);
    messages_.push_back(
        {.role = "assistant", .content = answer.content, .tool_use_id = {}, .tool_uses = answer.tool_uses});
    wanted_ = answer.tool_uses;
    tokens_ += answer.input_tokens + answer.output_tokens;
    return;
  }
  const std::string use_id = step.content.at("use").value("id", "");
  const auto shown =
      step.content.contains("error") ? Json{{"error", step.content["error"]}} : step.content.value("result", Json());
  std::string text = shown.is_string() ? shown.get<std::string>() : atrium::dump(shown);
  if (text.size() > limits_.max_tool_result) text = text.substr(0, limits_.max_tool_result) + " [cut]";
  messages_.push_back({.role = "tool", .content = std::move(text), .tool_use_id = use_id, .tool_uses = {}});
  std::erase_if(wanted_, [&](const ToolUse& use) { return use.id == use_id; });
}

std::string AgentLoop::provider() const {
  if (const auto named = text_or_empty(agent_, "llm_provider"); !named.empty()) return "llm.provider/" + named;
  std::string rehearsal;
  for (const auto& found : services_.find("llm.provider")) {
    if (found.metadata.value("rehearsal", false))
      rehearsal = found.service;
    else if (found.metadata.value("configured", false))
      return found.service;
  }
  if (rehearsal.empty())
    throw atrium::unavailable("No language model is configured; install and configure a provider such as llm-openai.");
  return rehearsal;
}

ChatRequest AgentLoop::conversation() const {
  ChatRequest request;
  if (const auto model = text_or_empty(agent_, "llm_model"); !model.empty()) request.model = model;
  request.messages = messages_;
  if (agent_.at("temperature").is_number()) request.temperature = agent_.at("temperature").get<double>();
  for (const std::string name : agent_.at("enabled_tools"))
    for (const auto& tool : services_.find("agent.tool/" + name))
      request.tools.push_back(
          {name, tool.metadata.value("summary", ""), tool.metadata.value("parameters", Json::object())});
  return request;
}

Async<bool> AgentLoop::ask() {
  auto step = next_step(Kind::llm);
  atrium::CallOptions options{
      .who = principal_, .timeout = limits_.llm_timeout, .on_piece = {}, .cancellation = cancellation_};
  auto calling = services_.call(provider(), "chat", as_json(conversation()), std::move(options));
  step.content = co_await calling;
  step.ended_at = atrium::Time::now();
  const auto answer = atrium::from_message<ChatAnswer>(step.content);
  const bool is_final = answer.tool_uses.empty();
  const Json usage = report({{"cost_micros", answer.cost_usd.micros},
                             {"input_tokens", answer.input_tokens},
                             {"output_tokens", answer.output_tokens},
                             {"progress_percent", std::min<std::int64_t>(95, 10 + 10 * steps_)},
                             {"result", answer.content}});
  auto storing = store_.commit(principal_, [&step, &usage, is_final](atrium::Transaction& tx) {
    put(tx, step);
    tx.call(queue, is_final ? "complete" : "progress", usage);
  });
  co_await storing;
  steps_ = step.number;
  show(step);
  co_return is_final;
}

Async<void> AgentLoop::use(ToolUse use) {
  auto step = next_step(Kind::tool);
  step.content = {{"use", as_json(use)}};
  const auto found = services_.find("agent.tool/" + use.name);
  const std::string risk = found.empty() ? "dangerous" : found.front().metadata.value("risk", "dangerous");
  const auto earlier = std::find_if(begun_.begin(), begun_.end(),
                                    [&](const Step& s) { return s.content.at("use").value("id", "") == use.id; });
  if (earlier != begun_.end()) {
    step = *earlier;
    step.content["error"] = "The program was restarted while this tool ran; whether it took effect is not known.";
  } else if (const auto why = refusal(use, risk); !why.empty()) {
    step.content["error"] = why;
  } else {
    if (risk != "reads") {  // what may change the world is written down first, so that it is never done twice
      step.is_done = false;
      auto beginning = store_.commit(principal_, [&step](atrium::Transaction& tx) { put(tx, step); });
      co_await beginning;
      step.is_done = true;
    }
    std::optional<atrium::Problem> failed;
    try {
      atrium::CallOptions options{
          .who = principal_, .timeout = limits_.tool_timeout, .on_piece = {}, .cancellation = cancellation_};
      auto calling =
          services_.call("agent.tool/" + use.name, "run",
                         {{"agent_id", agent_.at("id")}, {"task_id", task_.at("id")}, {"arguments", use.arguments}},
                         std::move(options));
      step.content["result"] = co_await calling;
    } catch (const atrium::Problem& problem) {
      failed = problem;
    }
    if (failed) {
      if (cancellation_.requested()) throw *failed;
      step.content["error"] = failed->what();  // the model is told, and may do better
    }
  }
  step.is_done = true;
  step.ended_at = atrium::Time::now();
  const Json progress = report({{"progress_percent", std::min<std::int64_t>(95, 10 + 10 * steps_)}});
  auto storing = store_.commit(principal_, [&step, &progress](atrium::Transaction& tx) {
    put(tx, step);
    tx.call(queue, "progress", progress);
  });
  co_await storing;
  steps_ = step.number;
  show(step);
}

std::string AgentLoop::refusal(const ToolUse& use, std::string_view risk) const {
  const auto enabled = agent_.at("enabled_tools").get<std::vector<std::string>>();
  if (std::find(enabled.begin(), enabled.end(), use.name) == enabled.end())
    return "This agent may not use the tool " + use.name + ".";
  if (!services_.has("agent.tool/" + use.name)) return "The tool " + use.name + " is not installed.";
  const auto autonomy = text_or_empty(agent_, "autonomy");
  if (risk == "reads" || autonomy == "autonomous") return {};
  if (autonomy == "read_only") return "This agent may only read, and " + use.name + " does more.";
  if (autonomy == "supervised" || risk == "dangerous")
    return "A person would have to approve " + use.name + " for a " + autonomy +
           " agent, and nobody can be asked here yet.";
  return {};
}

Step AgentLoop::next_step(Kind kind) const {
  Step step;
  step.task_id = *atrium::Id::parse(task_.at("id").get<std::string>());
  step.attempt = task_.at("retry_count").get<std::int64_t>();
  step.number = steps_ + 1;
  step.kind = kind;
  step.began_at = atrium::Time::now();
  return step;
}

Json AgentLoop::report(const Json& more) const {
  Json json = more;
  json["id"] = task_.at("id");
  json["lease"] = lease_;
  return json;
}

}  // namespace runner
