#pragma once
// The face of the service kind "workflow.step": what a step of a workflow can do. docs/extension-kinds/workflow-step.md
#include <atrium/configuration.hpp>

namespace atrium::workflow {

inline constexpr std::string_view step_kind = "workflow.step";

/// The metadata.
struct StepType {
  std::string summary{};
  Json configuration = Json::object();  ///< JSON schema of a step's config
  Json result = Json::object();         ///< JSON schema of what it answers; empty: anything
  static constexpr auto members = atrium::members(member("summary", &StepType::summary),
                                                  member("configuration", &StepType::configuration).length(0, 1 << 20),
                                                  member("result", &StepType::result).length(0, 1 << 20));
};

/// An event that ends a wait. Empty resource_id: whatever resource.
struct WakeEvent {
  std::string topic{}, resource_id{};
  Json data = Json();  ///< the event's own, where it has woken a step
  static constexpr auto members = atrium::members(member("topic", &WakeEvent::topic).length(1, 200).required(),
                                                  member("resource_id", &WakeEvent::resource_id).length(0, 200),
                                                  member("data", &WakeEvent::data).length(0, 4 << 20));
};

struct StepRequest {
  Id workflow_id{}, run_id{}, step_id{};
  std::string step_name{};
  std::int64_t attempt = 1;       ///< counts failures; a wait is no failure
  std::string idempotency_key{};  ///< the same in every attempt and after every wait of this step in this run
  Json config = Json::object();   ///< its references resolved
  Json input = Json();            ///< of the run
  Json state = Json();            ///< what the last answer "waiting" left; null: it has not waited yet
  std::optional<WakeEvent> woken_by{};
  std::optional<Time> deadline{};
  static constexpr auto members = atrium::members(
      member("workflow_id", &StepRequest::workflow_id).required(), member("run_id", &StepRequest::run_id).required(),
      member("step_id", &StepRequest::step_id).required(), member("step_name", &StepRequest::step_name).length(0, 200),
      member("attempt", &StepRequest::attempt).range(1, 1e9),
      member("idempotency_key", &StepRequest::idempotency_key).length(1, 200).required(),
      member("config", &StepRequest::config).length(0, 1 << 20).required(),
      member("input", &StepRequest::input).length(0, 4 << 20), member("state", &StepRequest::state).length(0, 1 << 20),
      member("woken_by", &StepRequest::woken_by), member("deadline", &StepRequest::deadline));
};

struct StepProgress {
  std::optional<double> percent{};
  std::string message{};
  static constexpr auto members = atrium::members(member("percent", &StepProgress::percent).range(0, 100),
                                                  member("message", &StepProgress::message).length(0, 2000));
};

enum class StepOutcome : std::uint8_t { done, waiting };
constexpr auto names_of(StepOutcome) { return std::array<std::string_view, 2>{"done", "waiting"}; }

/// A step that fails throws. One that waits is run again at `resume_at` or on `resume_on`, whichever comes first.
struct StepAnswer {
  StepOutcome outcome = StepOutcome::done;
  Json result = Json();
  Json state = Json();  ///< comes back in the next request
  std::optional<Time> resume_at{};
  std::optional<WakeEvent> resume_on{};
  std::string message{};  ///< what it waits for, for people
  static constexpr auto members = atrium::members(
      member("outcome", &StepAnswer::outcome).required(), member("result", &StepAnswer::result).length(0, 4 << 20),
      member("state", &StepAnswer::state).length(0, 1 << 20), member("resume_at", &StepAnswer::resume_at),
      member("resume_on", &StepAnswer::resume_on), member("message", &StepAnswer::message).length(0, 2000));

  static StepAnswer done(Json result = Json()) {
    return with(StepOutcome::done, [&](auto& a) { a.result = result; });
  }
  static StepAnswer wait_until(Time time, Json state = Json()) {
    return with(StepOutcome::waiting, [&](auto& a) { a.resume_at = time, a.state = state; });
  }
  static StepAnswer wait_for(std::string topic, std::string resource_id, Json state = Json()) {
    return with(StepOutcome::waiting, [&](auto& a) {
      a.resume_on = WakeEvent{std::move(topic), std::move(resource_id), Json()};
      a.state = state;
    });
  }
  StepAnswer& saying(std::string words) { return message = std::move(words), *this; }

 private:
  template <class F>
  static StepAnswer with(StepOutcome outcome, F fill) {
    StepAnswer answer;
    answer.outcome = outcome;
    fill(answer);
    return answer;
  }
};

/// What a provider's function gets.
template <Described Config>
struct Step {
  Call call;
  StepRequest request;
  Config config;
  /// False: nobody waits any more; end soon.
  bool progress(std::optional<double> percent, std::string message = {}) const {
    return call.emit(as_json(StepProgress{percent, std::move(message)}));
  }
};

/// In start(). run: StepAnswer(const Step<Config>&) or Async<StepAnswer>(Step<Config>); withdraw: the same, called when
/// the run ends while the step waits, so that nothing is left behind.
template <Described Config, class Run>
Provided& provide_step(Plugin& plugin, const std::string& name, std::string summary, Run run,
                       Json result_schema = Json::object()) {
  const StepType type{std::move(summary), configuration_schema<Config>(), std::move(result_schema)};
  auto& entry = plugin.provide(std::string(step_kind) + "/" + name, as_json(type));
  provide_check<Config>(entry);
  entry.on("withdraw", [](const Call&) { return Json::object(); });
  return entry.on_typed(
      "run",
      [](Call call) {
        auto request = call.arguments<StepRequest>();
        auto config = read_configuration<Config>(request.config);
        return Step<Config>{std::move(call), std::move(request), std::move(config)};
      },
      std::move(run));
}

/// The engine's side. Awaitable; throws what the step throws: Problem::is_temporary() says whether another attempt is
/// worth it.
inline Async<StepAnswer> run_step(const Services& services, std::string type, StepRequest request,
                                  CallOptions options = {}, std::function<void(StepProgress)> on_progress = {}) {
  if (on_progress)
    options.on_piece = [on_progress](const Json& piece) { on_progress(from_message<StepProgress>(piece)); };
  const Json arguments = as_json(request);
  auto calling = services.call(std::string(step_kind) + "/" + type, "run", arguments, std::move(options));
  const Json answer = co_await calling;
  co_return from_message<StepAnswer>(answer);
}
/// Tells a waiting step that its run has ended; nothing happens where the step does not care.
inline Async<void> withdraw_step(const Services& services, std::string type, StepRequest request) {
  const Json arguments = as_json(request);
  auto calling = services.call(std::string(step_kind) + "/" + type, "withdraw", arguments);
  co_await calling;
}

}  // namespace atrium::workflow
