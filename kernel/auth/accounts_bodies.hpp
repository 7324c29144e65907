#pragma once
// What clients send to the routes of accounts, and get from them: each described once, validated and documented from
// it.
#include "auth/password_policy.hpp"
#include "auth/user.hpp"

#include <atrium/members.hpp>

#include <optional>

namespace kernel::auth {

struct RegisterBody {
  std::string email, password, full_name;
  std::optional<std::string> setup_token;
  static constexpr auto members = atrium::members(
      atrium::member("email", &RegisterBody::email).length(3, 254).format("email").required(),
      atrium::member("password", &RegisterBody::password)
          .length(1, PasswordPolicy::longest)
          .format("password")
          .required(),
      atrium::member("full_name", &RegisterBody::full_name).length(1, 200).required(),
      atrium::member("setup_token", &RegisterBody::setup_token)
          .length(0, 200)
          .description("Of the first account, which becomes the admin: the content of DATA/setup-token"));
};

struct LoginBody {
  std::string email, password;
  std::optional<std::string> mfa_code;
  static constexpr auto members =
      atrium::members(atrium::member("email", &LoginBody::email).length(1, 254).format("email").required(),
                      atrium::member("password", &LoginBody::password).length(1, 1000).format("password").required(),
                      atrium::member("mfa_code", &LoginBody::mfa_code)
                          .length(0, 100)
                          .description("Where MFA is on: what the authenticator shows, or a recovery code"));
};

struct RefreshBody {
  std::string refresh_token;
  static constexpr auto members =
      atrium::members(atrium::member("refresh_token", &RefreshBody::refresh_token).length(1, 1000).required());
};

struct ChangePasswordBody {
  std::string current_password, new_password;
  static constexpr auto members =
      atrium::members(atrium::member("current_password", &ChangePasswordBody::current_password)
                          .length(1, 1000)
                          .format("password")
                          .required(),
                      atrium::member("new_password", &ChangePasswordBody::new_password)
                          .length(1, PasswordPolicy::longest)
                          .format("password")
                          .required());
};

/// What GET gave may be sent back whole: the members that cannot be changed here are taken and ignored.
struct ProfileBody {
  std::optional<std::string> full_name, email, current_password;
  atrium::Json ignored;
  static constexpr auto members =
      atrium::members(atrium::member("id", &ProfileBody::ignored).read_only(),
                      atrium::member("email", &ProfileBody::email).length(3, 254).format("email"),
                      atrium::member("full_name", &ProfileBody::full_name).length(1, 200),
                      atrium::member("current_password", &ProfileBody::current_password)
                          .length(1, 1000)
                          .format("password")
                          .description("Needed where the e-mail address changes"),
                      atrium::member("role", &ProfileBody::ignored).read_only(),
                      atrium::member("status", &ProfileBody::ignored).read_only(),
                      atrium::member("mfa_enabled", &ProfileBody::ignored).read_only(),
                      atrium::member("created_at", &ProfileBody::ignored).read_only(),
                      atrium::member("last_login_at", &ProfileBody::ignored).read_only(),
                      atrium::member("revision", &ProfileBody::ignored).read_only());
};

struct NewUserBody {
  std::string email, password, full_name;
  Role role = Role::member;
  static constexpr auto members =
      atrium::members(atrium::member("email", &NewUserBody::email).length(3, 254).format("email").required(),
                      atrium::member("password", &NewUserBody::password)
                          .length(1, PasswordPolicy::longest)
                          .format("password")
                          .required(),
                      atrium::member("full_name", &NewUserBody::full_name).length(1, 200).required(),
                      atrium::member("role", &NewUserBody::role));
};

struct StandingBody {
  std::optional<std::string> full_name;
  std::optional<Role> role;
  std::optional<UserStatus> status;
  atrium::Json ignored;
  static constexpr auto members =
      atrium::members(atrium::member("id", &StandingBody::ignored).read_only(),
                      atrium::member("email", &StandingBody::ignored).read_only(),
                      atrium::member("full_name", &StandingBody::full_name).length(1, 200),
                      atrium::member("role", &StandingBody::role), atrium::member("status", &StandingBody::status),
                      atrium::member("mfa_enabled", &StandingBody::ignored).read_only(),
                      atrium::member("created_at", &StandingBody::ignored).read_only(),
                      atrium::member("last_login_at", &StandingBody::ignored).read_only(),
                      atrium::member("revision", &StandingBody::ignored).read_only());
};

struct TokenReply {
  std::string access_token, refresh_token, token_type = "bearer";
  std::int64_t expires_in = 0;
  User user;
  static constexpr auto members =
      atrium::members(atrium::member("access_token", &TokenReply::access_token).read_only(),
                      atrium::member("refresh_token", &TokenReply::refresh_token).read_only(),
                      atrium::member("token_type", &TokenReply::token_type).read_only(),
                      atrium::member("expires_in", &TokenReply::expires_in).read_only().description("Seconds"),
                      atrium::member("user", &TokenReply::user).read_only());
};

}  // namespace kernel::auth
