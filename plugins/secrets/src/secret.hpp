#pragma once
// The resources of the vault: a secret without its value, its versions, and the rotation of the master key.
#include "confidential.hpp"

#include <atrium/store.hpp>

#include <array>

namespace secrets {

inline bool is_plugin_id(std::string_view text) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), plain);
}

struct Secret {
  atrium::Id id;
  std::string name, category = "general";
  Confidential value;
  std::int64_t version = 0;
  std::optional<atrium::Time> expires_at;
  std::vector<std::string> granted_to;
  std::optional<std::string> owner_plugin;
  std::optional<atrium::Time> last_used_at;
  std::optional<atrium::Id> created_by;
  atrium::Time created_at, updated_at;
  std::int64_t revision = 0;

  bool has_expired() const { return expires_at && *expires_at <= atrium::Time::now(); }
  bool is_open_to(std::string_view plugin) const {
    return owner_plugin == plugin || std::find(granted_to.begin(), granted_to.end(), plugin) != granted_to.end();
  }

  static constexpr std::string_view table = "secrets", event = "secret";
  static constexpr auto members = atrium::members(
      atrium::member("id", &Secret::id).read_only(),
      atrium::member("name", &Secret::name)
          .length(1, 200)
          .required()
          .valid_if([](const std::string& name) { return !atrium::Id::parse(name); }, "must not look like an id")
          .description("How resources refer to it; each name once among those that admins make"),
      atrium::member("category", &Secret::category).length(1, 100),
      atrium::member("value", &Secret::value)
          .required()
          .not_stored()
          .description("Text of at most 64 KiB. Answers show ********, and sent back that changes nothing"),
      atrium::member("version", &Secret::version).read_only().description("Of the value, from 1"),
      atrium::member("expires_at", &Secret::expires_at).description("From then on no plugin gets it"),
      atrium::member("granted_to", &Secret::granted_to)
          .items(0, 50)
          .length(1, 64)
          .valid_if(
              [](const std::vector<std::string>& ids) { return std::all_of(ids.begin(), ids.end(), is_plugin_id); },
              "must name plugins by their ids, such as \"webhooks\"")
          .description("The plugins that may use it"),
      atrium::member("owner_plugin", &Secret::owner_plugin)
          .read_only()
          .description("The plugin that keeps it for itself; null: an admin made it"),
      atrium::member("last_used_at", &Secret::last_used_at)
          .read_only()
          .description("When a plugin last took it, to the minute"),
      atrium::member("created_by", &Secret::created_by).read_only(),
      atrium::member("created_at", &Secret::created_at).read_only(),
      atrium::member("updated_at", &Secret::updated_at).read_only(),
      atrium::member("revision", &Secret::revision).read_only());
};

struct Version {
  atrium::Id id;
  std::int64_t version = 0;
  std::optional<atrium::Id> created_by;
  atrium::Time created_at;

  static constexpr std::string_view table = "secret_versions", event = "secret_version";
  static constexpr auto members = atrium::members(atrium::member("id", &Version::id).hidden(),
                                                  atrium::member("version", &Version::version).read_only(),
                                                  atrium::member("created_by", &Version::created_by).read_only(),
                                                  atrium::member("created_at", &Version::created_at).read_only());
};

struct RotateBody {
  Confidential value;
  std::optional<atrium::Time> expires_at;

  static constexpr auto members = atrium::members(
      atrium::member("value", &RotateBody::value).description("The new value; absent: 43 random characters are made"),
      atrium::member("expires_at", &RotateBody::expires_at).description("Of the new value; absent: it stays as it is"));
};

enum class RotationState : std::uint8_t { idle, rotating, blocked };
constexpr auto names_of(RotationState) {
  using namespace std::string_view_literals;
  return std::array{"idle"sv, "rotating"sv, "blocked"sv};
}

struct RotationProgress {
  RotationState state = RotationState::idle;
  std::string key_id;
  std::int64_t total = 0, remaining = 0;
  std::vector<atrium::Id> unreadable;
  std::optional<atrium::Time> started_at, finished_at;

  static constexpr auto members = atrium::members(
      atrium::member("state", &RotationProgress::state)
          .read_only()
          .description("blocked: what is unreadable keeps the former key from being forgotten"),
      atrium::member("key_id", &RotationProgress::key_id).read_only().description("Of the master key in use"),
      atrium::member("total", &RotationProgress::total).read_only().description("Secrets when the rotation started"),
      atrium::member("remaining", &RotationProgress::remaining)
          .read_only()
          .description("Secrets that are not under this key yet"),
      atrium::member("unreadable", &RotationProgress::unreadable)
          .read_only()
          .items(0, 100)
          .description("Secrets whose key cannot be unwrapped, at most 100 of them"),
      atrium::member("started_at", &RotationProgress::started_at).read_only(),
      atrium::member("finished_at", &RotationProgress::finished_at).read_only());
};

}  // namespace secrets
