#pragma once
// The face of the service kind "notification.channel": a way to reach people.
// docs/extension-kinds/notification-channel.md
#include <atrium/configuration.hpp>

namespace atrium::notification {

inline constexpr std::string_view channel_kind = "notification.channel";

/// The metadata.
struct ChannelType {
  std::string summary{};
  Json configuration = Json::object();  ///< JSON schema of a channel's config; `writeOnly` members are secrets
  bool is_personal = false;             ///< each recipient gets one of their own, so a request names a recipient
  static constexpr auto members = atrium::members(
      member("summary", &ChannelType::summary), member("configuration", &ChannelType::configuration).length(0, 1 << 20),
      member("is_personal", &ChannelType::is_personal));
};

enum class Severity : std::uint8_t { info, warning, error, critical };
constexpr auto names_of(Severity) { return std::array<std::string_view, 4>{"info", "warning", "error", "critical"}; }

struct Recipient {
  Id user_id{};
  std::string email{}, full_name{};
  static constexpr auto members = atrium::members(member("user_id", &Recipient::user_id).required(),
                                                  member("email", &Recipient::email).length(0, 320),
                                                  member("full_name", &Recipient::full_name).length(0, 200));
};

struct SendRequest {
  Id notification_id{};
  std::string idempotency_key{};  ///< the same in every attempt to deliver this once
  std::int64_t attempt = 1;
  Json config = Json::object();  ///< its secrets filled in
  std::string title{}, body{};   ///< plain text
  Severity severity = Severity::info;
  std::string url{};  ///< where to read more; may be empty
  Time created_at{};
  std::optional<Recipient> recipient{};
  std::string topic{};   ///< of the event it tells of; may be empty
  Json data = Json();    ///< the event's
  bool is_test = false;  ///< somebody tries the channel out
  static constexpr auto members = atrium::members(
      member("notification_id", &SendRequest::notification_id).required(),
      member("idempotency_key", &SendRequest::idempotency_key).length(1, 200).required(),
      member("attempt", &SendRequest::attempt).range(1, 1e9),
      member("config", &SendRequest::config).length(0, 1 << 20).required(),
      member("title", &SendRequest::title).length(1, 500).required(),
      member("body", &SendRequest::body).length(0, 20'000), member("severity", &SendRequest::severity),
      member("url", &SendRequest::url).length(0, 2000), member("created_at", &SendRequest::created_at).required(),
      member("recipient", &SendRequest::recipient), member("topic", &SendRequest::topic).length(0, 200),
      member("data", &SendRequest::data).length(0, 4 << 20), member("is_test", &SendRequest::is_test));
};

/// The other side has taken it.
struct Receipt {
  std::string external_id{};  ///< what the other side calls it; may be empty
  static constexpr auto members = atrium::members(member("external_id", &Receipt::external_id).length(0, 1000));
};

/// What a provider's function gets.
template <Described Config>
struct Sending {
  Call call;
  SendRequest request;
  Config config;
};

/// In start(). send: Receipt(const Sending<Config>&), or an Async of it. It throws where it could not deliver; what is
/// thrown decides about another attempt: Problem::is_temporary() and retry_after().
template <Described Config, class Send>
Provided& provide_channel(Plugin& plugin, const std::string& name, std::string summary, Send send,
                          bool is_personal = false) {
  const ChannelType type{std::move(summary), configuration_schema<Config>(), is_personal};
  auto& entry = plugin.provide(std::string(channel_kind) + "/" + name, as_json(type));
  provide_check<Config>(entry);
  return entry.on_typed(
      "send",
      [](Call call) {
        auto request = call.arguments<SendRequest>();
        auto config = read_configuration<Config>(request.config);
        return Sending<Config>{std::move(call), std::move(request), std::move(config)};
      },
      std::move(send));
}

/// What an answer of another host means for a delivery. Throws unless it is a success.
inline void check_delivery(const Answer& answer) {
  if (answer.status >= 200 && answer.status < 300) return;
  Problem problem{answer.status, "delivery", "It was not delivered",
                  "The other side answered " + std::to_string(answer.status) + "."};
  if (const auto pause = answer.header("retry-after"); !pause.empty())
    problem.headers.emplace_back("retry-after", pause);
  throw problem;
}

/// The notification centre's side. Awaitable; throws what the channel throws.
inline Async<Receipt> send(const Services& services, std::string channel, SendRequest request,
                           CallOptions options = {}) {
  const Json arguments = as_json(request);
  auto calling = services.call(std::string(channel_kind) + "/" + channel, "send", arguments, std::move(options));
  const Json answer = co_await calling;
  co_return from_message<Receipt>(answer);
}

}  // namespace atrium::notification
