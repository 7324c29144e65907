#pragma once
// The face of the service kind "trigger.type": what can set something going. docs/extension-kinds/trigger-type.md
#include <atrium/configuration.hpp>

namespace atrium::trigger {

inline constexpr std::string_view kind = "trigger.type";

/// timed: says when next. polled: is asked for what is new. pushed: publishes what happens by itself.
enum class Mode : std::uint8_t { timed, polled, pushed };
constexpr auto names_of(Mode) { return std::array<std::string_view, 3>{"timed", "polled", "pushed"}; }

/// The metadata.
struct TriggerType {
  std::string summary{};
  Mode mode = Mode::timed;
  Json configuration = Json::object();  ///< JSON schema of a trigger's config
  Json data = Json::object();           ///< JSON schema of an occurrence's data; empty: anything
  static constexpr auto members =
      atrium::members(member("summary", &TriggerType::summary), member("mode", &TriggerType::mode).required(),
                      member("configuration", &TriggerType::configuration).length(0, 1 << 20),
                      member("data", &TriggerType::data).length(0, 1 << 20));
};

/// It has happened, once; `key` tells it from others of this trigger, so that it is acted on once.
struct Occurrence {
  std::string key{};
  Time at{};
  Json data = Json::object();
  static constexpr auto members =
      atrium::members(member("key", &Occurrence::key).length(1, 200).required(),
                      member("at", &Occurrence::at).required(), member("data", &Occurrence::data).length(0, 1 << 20));
};

/// A pure function of its members: asked again, it answers the same.
struct NextRequest {
  Json config = Json::object();
  Time after{};   ///< the answer is later
  Time anchor{};  ///< when the trigger was enabled
  static constexpr auto members =
      atrium::members(member("config", &NextRequest::config).length(0, 1 << 20).required(),
                      member("after", &NextRequest::after).required(), member("anchor", &NextRequest::anchor));
};
struct NextAnswer {
  std::optional<Time> at{};  ///< none: never again
  static constexpr auto members = atrium::members(member("at", &NextAnswer::at));
};

struct PollRequest {
  Id trigger_id{};
  Json config = Json::object();
  Json cursor = Json();  ///< of the answer before; null: the first time
  std::int64_t limit = 100;
  static constexpr auto members = atrium::members(member("trigger_id", &PollRequest::trigger_id).required(),
                                                  member("config", &PollRequest::config).length(0, 1 << 20).required(),
                                                  member("cursor", &PollRequest::cursor).length(0, 65'536),
                                                  member("limit", &PollRequest::limit).range(1, 1000));
};
/// The first answer has the cursor of now and no occurrence: what was there before the trigger does not count.
struct PollAnswer {
  std::vector<Occurrence> occurrences{};  ///< oldest first
  Json cursor = Json();
  std::optional<std::int64_t> poll_after_seconds{};  ///< none: the engine's own pace; 0: there is more
  static constexpr auto members =
      atrium::members(member("occurrences", &PollAnswer::occurrences).items(0, 1000),
                      member("cursor", &PollAnswer::cursor).length(0, 65'536).required(),
                      member("poll_after_seconds", &PollAnswer::poll_after_seconds).range(0, 86'400));
};

/// A pushed trigger has come to be, has changed or is enabled again. Inside the engine's transaction: nothing but SQL.
struct ArmRequest {
  Id trigger_id{};
  Json config = Json::object();
  static constexpr auto members = atrium::members(member("trigger_id", &ArmRequest::trigger_id).required(),
                                                  member("config", &ArmRequest::config).length(0, 1 << 20).required());
};
/// What a user has to know to use it, such as the address to call; shown once.
struct ArmAnswer {
  Json shown = Json::object();
  static constexpr auto members = atrium::members(member("shown", &ArmAnswer::shown).length(0, 65'536));
};
struct DisarmRequest {
  Id trigger_id{};
  static constexpr auto members = atrium::members(member("trigger_id", &DisarmRequest::trigger_id).required());
};

/// What a provider's function gets: the request, and its config read.
template <class Request, Described Config>
struct Asked {
  Call call;
  Request request;
  Config config;
};

namespace detail {

template <Described Config>
Provided& provide_type(Plugin& plugin, const std::string& name, std::string summary, Mode mode, Json data) {
  const TriggerType type{std::move(summary), mode, configuration_schema<Config>(), std::move(data)};
  auto& entry = plugin.provide(std::string(kind) + "/" + name, as_json(type));
  provide_check<Config>(entry);
  return entry;
}
template <class Request, Described Config>
Asked<Request, Config> asked(Call call) {
  auto request = call.arguments<Request>();
  auto config = read_configuration<Config>(request.config);
  return {std::move(call), std::move(request), std::move(config)};
}
template <class Answer, class Request>
Async<Answer> ask(const Services& services, std::string type, std::string method, Request request,
                  CallOptions options) {
  const Json arguments = as_json(request);
  auto calling = services.call(std::string(kind) + "/" + type, std::move(method), arguments, std::move(options));
  const Json answer = co_await calling;
  co_return from_message<Answer>(answer);
}

}  // namespace detail

/// In start(). next: NextAnswer(const Asked<NextRequest, Config>&), which computes and does nothing else.
template <Described Config, class Next>
Provided& provide_timed(Plugin& plugin, const std::string& name, std::string summary, Next next) {
  return detail::provide_type<Config>(plugin, name, std::move(summary), Mode::timed, Json::object())
      .on_typed("next", detail::asked<NextRequest, Config>, std::move(next));
}
/// In start(). poll: PollAnswer(const Asked<PollRequest, Config>&), or an Async of it.
template <Described Config, class Poll>
Provided& provide_polled(Plugin& plugin, const std::string& name, std::string summary, Poll poll,
                         Json data_schema = Json::object()) {
  return detail::provide_type<Config>(plugin, name, std::move(summary), Mode::polled, std::move(data_schema))
      .on_typed("poll", detail::asked<PollRequest, Config>, std::move(poll));
}
/// In start(). arm: ArmAnswer(const Asked<ArmRequest, Config>&); disarm: void(const Transaction&, const Id& trigger).
/// Both run in call.transaction(). What happens then is told by occur().
template <Described Config, class Arm, class Disarm>
Provided& provide_pushed(Plugin& plugin, const std::string& name, std::string summary, Arm arm, Disarm disarm,
                         Json data_schema = Json::object()) {
  return detail::provide_type<Config>(plugin, name, std::move(summary), Mode::pushed, std::move(data_schema))
      .on_typed("arm", detail::asked<ArmRequest, Config>, std::move(arm))
      .on("disarm", [disarm](const Call& call) -> Json {
        disarm(call.transaction(), call.arguments<DisarmRequest>().trigger_id);
        return Json::object();
      });
}
inline constexpr std::string_view occurred_topic = "trigger.occurred";
/// A pushed trigger's occurrence: committed with what else the transaction does, and acted on once after that.
inline void occur(const Transaction& tx, const Id& trigger_id, const Occurrence& occurrence) {
  tx.publish(occurred_topic, "trigger", trigger_id.text(), to_json(occurrence));
}

/// The engine's side.
inline Async<NextAnswer> next(const Services& services, std::string type, NextRequest request,
                              CallOptions options = {}) {
  return detail::ask<NextAnswer>(services, std::move(type), "next", std::move(request), std::move(options));
}
inline Async<PollAnswer> poll(const Services& services, std::string type, PollRequest request,
                              CallOptions options = {}) {
  return detail::ask<PollAnswer>(services, std::move(type), "poll", std::move(request), std::move(options));
}
inline ArmAnswer arm(const Transaction& tx, std::string_view type, const ArmRequest& request,
                     const Principal& who = {}) {
  return from_message<ArmAnswer>(tx.call(std::string(kind).append("/").append(type), "arm", as_json(request), who));
}
inline void disarm(const Transaction& tx, std::string_view type, const Id& trigger_id, const Principal& who = {}) {
  tx.call(std::string(kind).append("/").append(type), "disarm", as_json(DisarmRequest{trigger_id}), who);
}

}  // namespace atrium::trigger
