#pragma once
// The routes of accounts: built into the kernel, declared as a plugin declares its own.
#include "auth/auth.hpp"
#include "auth/origin.hpp"

#include <atrium/plugin.hpp>

#include <functional>

namespace kernel::auth {

/// Of a running request what the boundary does not show to plugins. `who` is null where nobody signed in.
struct Caller {
  PrincipalPtr who;
  Origin origin;
};
using CallerOf = std::function<Caller(const atrium::Request&)>;

class Accounts final : public atrium::Plugin {
 public:
  /// `auth` outlives this object. `caller_of` is asked on the request's handler thread, before it is answered;
  /// `names_an_operation` says of a scope whether any route is meant by it.
  Accounts(Auth& auth, CallerOf caller_of, std::function<bool(std::string_view scope)> names_an_operation)
      : auth_(auth), caller_of_(std::move(caller_of)), names_an_operation_(std::move(names_an_operation)) {}
  void start() override;

 private:
  void declare_sign_in();
  void declare_own_account();
  void declare_mfa();
  void declare_users();
  void declare_sessions();
  void declare_api_keys();

  atrium::Reply register_account(atrium::Request& request);
  atrium::Reply login(atrium::Request& request);
  atrium::Reply refresh(atrium::Request& request);
  atrium::Reply logout(atrium::Request& request);
  atrium::Reply update_profile(atrium::Request& request);
  atrium::Reply change_password(atrium::Request& request);
  atrium::Reply set_up_mfa(atrium::Request& request);
  atrium::Reply verify_mfa(atrium::Request& request);
  atrium::Reply renew_recovery_codes(atrium::Request& request);
  atrium::Reply disable_mfa(atrium::Request& request);
  atrium::Reply remove_mfa(atrium::Request& request);
  atrium::Reply create_user(atrium::Request& request);
  atrium::Reply update_user(atrium::Request& request);
  atrium::Reply remove_user(atrium::Request& request);
  atrium::Reply list_sessions(atrium::Request& request);
  atrium::Reply end_session(atrium::Request& request);
  atrium::Reply make_api_key(atrium::Request& request);

  Auth& auth_;
  CallerOf caller_of_;
  std::function<bool(std::string_view scope)> names_an_operation_;
};

}  // namespace kernel::auth
