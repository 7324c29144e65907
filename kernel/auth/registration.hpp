#pragma once
// How accounts come into being without an admin's doing.
#include "auth/setup_token.hpp"
#include "auth/users.hpp"
#include "settings/registry.hpp"

#include <optional>

namespace kernel::auth {

/// While no account exists, only the setup token registers, and makes the admin: of any number of registrations that
/// bring it at once, one wins, held by a constraint in the same transaction. Afterwards the setting
/// `security.registration` decides.
class Registration {
 public:
  Registration(storage::Database& database, const settings::Registry& settings, Passwords& passwords, Users& users,
               SetupToken& setup_token);

  /// At the start: offers the setup token while there is no account, else removes it.
  void prepare();
  /// Throws 403 (no or wrong setup token, already spent, registration closed), 409 (address taken) and 422. Waits.
  User register_account(const NewUser& account, const std::optional<std::string>& setup_token, const Origin& origin);

 private:
  User make_first_admin(NewUser account, const std::optional<std::string>& setup_token, const Origin& origin);

  storage::Database& database_;
  const settings::Registry& settings_;
  Passwords& passwords_;
  Users& users_;
  SetupToken& setup_token_;
};

}  // namespace kernel::auth
