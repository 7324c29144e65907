#include "auth/accounts.hpp"

#include "auth/accounts_bodies.hpp"
#include "auth/accounts_reading.hpp"

#include <optional>

namespace kernel::auth {
namespace {

constexpr std::string_view tag = "Authentication";

atrium::Reply tokens(TokenPair pair) {
  TokenReply body;
  body.access_token = std::move(pair.access_token);
  body.refresh_token = std::move(pair.refresh_token);
  body.expires_in = pair.expires_in;
  body.user = std::move(pair.user);
  atrium::Reply reply = atrium::ok(atrium::to_json(body));
  reply.headers.emplace_back("cache-control", "no-store");
  return reply;
}

}  // namespace

void Accounts::start() {
  declare_sign_in();
  declare_own_account();
  declare_mfa();
  declare_users();
  declare_sessions();
  declare_api_keys();
}

void Accounts::declare_sign_in() {
  post("/auth/register",
       {.summary = "Make an account",
        .description = "The first account needs the setup token and becomes the admin. Later ones follow the setting "
                       "security.registration: open, approval (they wait as pending) or closed.",
        .access = {"none"},
        .body = atrium::schema<RegisterBody>(true),
        .status = 201,
        .answer = atrium::schema<User>(),
        .tag = tag,
        .idempotency = false},
       [this](atrium::Request& request) { return register_account(request); });
  post(
      "/auth/login",
      {.summary = "Sign in with e-mail address and password",
       .description = "Where MFA is on, without mfa_code: 401 /problems/mfa-required. A wrong or used code is a failed "
                      "login as a wrong password is: 401 /problems/invalid-credentials.",
       .access = {"none"},
       .body = atrium::schema<LoginBody>(true),
       .answer = atrium::schema<TokenReply>(),
       .tag = tag,
       .idempotency = false},
      [this](atrium::Request& request) { return login(request); });
  post("/auth/refresh",
       {.summary = "Exchange a refresh token for a new pair",
        .description = "Each refresh token works once. One that comes back after it was used ends its whole session.",
        .access = {"none"},
        .body = atrium::schema<RefreshBody>(true),
        .answer = atrium::schema<TokenReply>(),
        .tag = tag,
        .idempotency = false},
       [this](atrium::Request& request) { return refresh(request); });
  post("/auth/logout",
       {.summary = "End this session: its access and refresh token stop working at once, on every node",
        .access = {"user", without_mfa, session_only},
        .status = 204,
        .tag = tag,
        .viewer = true},
       [this](atrium::Request& request) { return logout(request); });
}

void Accounts::declare_own_account() {
  get("/auth/me",
      {.summary = "Who am I?",
       .access = {"user", without_mfa},
       .runs = atrium::Runs::fast_read,
       .answer = atrium::schema<User>(),
       .tag = tag},
      [this](atrium::Request& request) { return atrium::ok(auth_.users.get(request.principal().id())); });
  put("/auth/me",
      {.summary = "Change my name or e-mail address",
       .access = {"user", without_mfa, session_only},
       .body = atrium::schema<ProfileBody>(true),
       .answer = atrium::schema<User>(),
       .tag = tag,
       .viewer = true},
      [this](atrium::Request& request) { return update_profile(request); });
  post("/auth/change-password",
       {.summary = "Change my password; ends every other session of mine",
        .access = {"user", without_mfa, session_only},
        .body = atrium::schema<ChangePasswordBody>(true),
        .answer = atrium::schema<User>(),
        .tag = tag,
        .viewer = true,
        .idempotency = false},
       [this](atrium::Request& request) { return change_password(request); });
}

atrium::Reply Accounts::register_account(atrium::Request& request) {
  std::optional<std::string> setup_token;
  const auto account = read_body<RegisterBody, NewUser>(request, [&](RegisterBody& body, auto& faults) {
    NewUser wanted{body.email, body.password, body.full_name};
    auth_.users.check(wanted, faults);
    setup_token = body.setup_token;
    return wanted;
  });
  return created(auth_.registration.register_account(account, setup_token, caller_of_(request).origin));
}

atrium::Reply Accounts::login(atrium::Request& request) {
  const auto body = request.parse<LoginBody>();
  return tokens(auth_.sign_in.login(body.email, body.password, body.mfa_code.value_or(""), caller_of_(request).origin));
}

atrium::Reply Accounts::refresh(atrium::Request& request) {
  const auto body = request.parse<RefreshBody>();
  return tokens(auth_.sign_in.refresh(body.refresh_token, caller_of_(request).origin));
}

atrium::Reply Accounts::logout(atrium::Request& request) {
  auth_.sign_in.logout(*caller_of_(request).who);
  return atrium::no_content();
}

atrium::Reply Accounts::update_profile(atrium::Request& request) {
  const Caller caller = caller_of_(request);
  const auto body = request.parse<ProfileBody>();
  Users::Profile profile{body.full_name, body.email};
  const User user = auth_.users.get(caller.who->id);
  if (profile.email && normalised_email(*profile.email) == user.email) profile.email.reset();
  if (profile.email) {
    if (!body.current_password) throw atrium::invalid("/current_password", "is required to change the e-mail address");
    auth_.sign_in.confirm_password(*caller.who, *body.current_password);
  }
  return atrium::ok(
      auth_.users.update_profile(actor_of(*caller.who), caller.who->id, profile, wanted_revision(request, user)));
}

atrium::Reply Accounts::change_password(atrium::Request& request) {
  const Caller caller = caller_of_(request);
  const auto body = request.parse<ChangePasswordBody>();
  auth_.sign_in.change_password(*caller.who, body.current_password, body.new_password);
  return atrium::ok(auth_.users.get(caller.who->id));
}

}  // namespace kernel::auth
