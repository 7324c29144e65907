#pragma once
// What a webhook and a delivery are: members, bounds, columns.
#include <atrium/plugin.hpp>

namespace webhooks {

using namespace std::string_view_literals;

/// "*", "task.created" or "task.*".
inline bool is_pattern(std::string_view pattern) {
  if (pattern == "*") return true;
  if (pattern.ends_with(".*")) pattern.remove_suffix(2);
  bool word = false;
  for (const char c : pattern) {
    if (c == '.' ? !word : !((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-')) return false;
    word = c != '.';
  }
  return word && pattern.size() <= 128;
}
inline bool are_patterns(const std::vector<std::string>& patterns) {
  return std::all_of(patterns.begin(), patterns.end(), [](const auto& pattern) { return is_pattern(pattern); });
}
inline bool matches(std::string_view pattern, std::string_view topic) {
  if (pattern == "*") return true;
  if (!pattern.ends_with(".*")) return pattern == topic;
  pattern.remove_suffix(1);
  return topic.size() > pattern.size() && topic.starts_with(pattern);
}

/// What happens to webhooks themselves is sent to none, so that no delivery causes another.
inline bool is_own_topic(std::string_view topic) { return topic.starts_with("webhook."); }

struct Webhook {
  atrium::Id id;
  std::string url, description;
  std::vector<std::string> events;
  std::string secret;
  bool is_active = true;
  std::optional<std::string> disabled_reason;
  std::optional<atrium::Time> previous_secret_expires_at;
  atrium::Id owner_id;
  atrium::Time created_at, updated_at;
  std::int64_t revision = 0;
  atrium::Id secret_id;
  std::optional<atrium::Id> previous_secret_id;

  static constexpr std::string_view table = "webhooks", event = "webhook";
  static constexpr bool is_private = true, admins_see = true;
  static constexpr auto members = atrium::members(
      atrium::member("id", &Webhook::id).read_only(),
      atrium::member("url", &Webhook::url)
          .length(1, 2'048)
          .required()
          .format("uri"),
      atrium::member("description", &Webhook::description).length(0, 500),
      atrium::member("events", &Webhook::events)
          .items(1, 50)
          .required()
          .valid_if(are_patterns, "must be event types such as \"task.completed\", \"task.*\" or \"*\"")
          .description("Which events are sent: \"task.completed\", \"task.*\" or \"*\"; those of webhooks never are"),
      atrium::member("secret", &Webhook::secret)
          .once()
          .length(0, 200)
          .description("whsec_ and 24 to 64 bytes in base64; made if absent; shown this once"),
      atrium::member("is_active", &Webhook::is_active)
          .description("While false nothing is recorded for it, and what was waiting waits on"),
      atrium::member("disabled_reason", &Webhook::disabled_reason)
          .read_only()
          .description("Why it was made inactive other than by a person"),
      atrium::member("previous_secret_expires_at", &Webhook::previous_secret_expires_at)
          .read_only()
          .description("Until then a delivery is signed with the former secret too"),
      atrium::member("owner_id", &Webhook::owner_id).read_only(),
      atrium::member("created_at", &Webhook::created_at).read_only(),
      atrium::member("updated_at", &Webhook::updated_at).read_only(),
      atrium::member("revision", &Webhook::revision).read_only(),
      atrium::member("secret_id", &Webhook::secret_id).hidden(),
      atrium::member("previous_secret_id", &Webhook::previous_secret_id).hidden());
};

enum class Status : std::uint8_t { pending, succeeded, failed };
constexpr auto names_of(Status) { return std::array{"pending"sv, "succeeded"sv, "failed"sv}; }

struct Delivery {
  atrium::Id id, webhook_id;
  std::string message_id, type;
  Status status = Status::pending;
  std::int64_t attempts = 0;
  std::optional<std::int64_t> response_status;
  std::optional<std::string> response_body, error;
  std::optional<std::int64_t> duration_ms;
  std::optional<atrium::Time> next_attempt_at;
  atrium::Time created_at, updated_at;
  std::int64_t tries = 0;  ///< attempts since it was made or replayed: where it stands in the schedule
  bool in_order = true;    ///< it holds those behind it
  std::int64_t position = 0;

  static constexpr std::string_view table = "webhook_deliveries", event = "webhook_delivery";
  static constexpr auto members = atrium::members(
      atrium::member("id", &Delivery::id).read_only().description("Sent as webhook-id, the same at every attempt"),
      atrium::member("webhook_id", &Delivery::webhook_id).read_only(),
      atrium::member("message_id", &Delivery::message_id).hidden(), atrium::member("type", &Delivery::type).read_only(),
      atrium::member("status", &Delivery::status).read_only(),
      atrium::member("attempts", &Delivery::attempts).read_only(),
      atrium::member("response_status", &Delivery::response_status).read_only().description("Of the last attempt"),
      atrium::member("response_body", &Delivery::response_body)
          .read_only()
          .description("The beginning of the last answer, at most 1 KiB"),
      atrium::member("error", &Delivery::error).read_only().description("Why the last attempt failed"),
      atrium::member("duration_ms", &Delivery::duration_ms).read_only(),
      atrium::member("next_attempt_at", &Delivery::next_attempt_at).read_only(),
      atrium::member("created_at", &Delivery::created_at).read_only(),
      atrium::member("updated_at", &Delivery::updated_at).read_only(),
      atrium::member("tries", &Delivery::tries).hidden(), atrium::member("in_order", &Delivery::in_order).hidden(),
      atrium::member("position", &Delivery::position).hidden());
};

}  // namespace webhooks
