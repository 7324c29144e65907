#pragma once
// An account: its members, as they are stored, shown and described in the OpenAPI document.
#include <atrium/members.hpp>

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace kernel::auth {

enum class Role : std::uint8_t { admin, member, viewer };
constexpr auto names_of(Role) { return std::array<std::string_view, 3>{"admin", "member", "viewer"}; }

enum class UserStatus : std::uint8_t { active, pending, disabled };
constexpr auto names_of(UserStatus) { return std::array<std::string_view, 3>{"active", "pending", "disabled"}; }

struct User {
  atrium::Id id;
  std::string email, full_name;
  Role role = Role::member;
  UserStatus status = UserStatus::active;
  bool mfa_enabled = false;
  atrium::Time created_at;
  std::optional<atrium::Time> last_login_at;
  std::int64_t revision = 1;
  std::string password_hash;
  std::optional<atrium::Time> deleted_at;

  static constexpr std::string_view table = "users", event = "user";
  static constexpr auto members = atrium::members(
      atrium::member("id", &User::id).read_only(), atrium::member("email", &User::email).length(3, 254).required(),
      atrium::member("full_name", &User::full_name).length(1, 200).required(), atrium::member("role", &User::role),
      atrium::member("status", &User::status), atrium::member("mfa_enabled", &User::mfa_enabled).read_only(),
      atrium::member("created_at", &User::created_at).read_only(),
      atrium::member("last_login_at", &User::last_login_at).read_only(),
      atrium::member("revision", &User::revision).read_only(),
      atrium::member("password_hash", &User::password_hash).hidden(),
      atrium::member("deleted_at", &User::deleted_at).hidden());
};

/// The form in which addresses are stored and compared: ASCII letters in lower case, nothing else changed. nullopt when
/// it is no address: one `@` with something on both sides, no white space or control characters, at most 254 bytes.
std::optional<std::string> normalised_email(std::string_view email);

}  // namespace kernel::auth
