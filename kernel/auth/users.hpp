#pragma once
// The accounts of this installation. Uniqueness and "there is always an admin" are held by the database.
#include "auth/api_keys.hpp"
#include "auth/passwords.hpp"
#include "auth/sessions.hpp"
#include "auth/user.hpp"
#include "settings/registry.hpp"
#include "storage/database.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kernel::auth {

inline constexpr std::string_view user_updated_topic = "user.updated";

/// What a new account is made of.
struct NewUser {
  std::string email, password, full_name;
  Role role = Role::member;
  UserStatus status = UserStatus::active;
};

/// Functions throw atrium::Problem: 404, 409 (address taken, last admin, changed meanwhile), 412 and 422. All of them
/// wait: pool threads only. What may be done by whom is the caller's to check.
class Users {
 public:
  Users(storage::Database& database, const settings::Registry& settings, Passwords& passwords, Sessions& sessions,
        ApiKeys& api_keys);

  /// Normalises the address and adds what is wrong, at most one fault to a member.
  void check(NewUser& account, std::vector<atrium::Fault>& faults) const;
  /// The same, throwing a 422 that lists every fault.
  NewUser checked(NewUser account) const;

  bool any() const;
  User get(std::string_view id) const;
  std::optional<User> find_by_email(std::string_view normalised_email) const;

  /// Checks the account first.
  User create(const storage::Actor& actor, const NewUser& account);
  /// For a caller that has more to do in the same transaction; `password_hash` comes from Passwords.
  User insert(storage::Transaction& transaction, const NewUser& account, const std::string& password_hash) const;

  struct Profile {
    std::optional<std::string> full_name, email;  ///< absent: stays
  };
  /// `if_revision`: 412 when it is no longer this one.
  User update_profile(const storage::Actor& actor, const std::string& id, const Profile& profile,
                      std::optional<std::int64_t> if_revision = {});

  struct Standing {
    std::optional<Role> role;
    std::optional<UserStatus> status;
    std::optional<std::string> full_name;
  };
  /// Ends the user's sessions where role or status change. 409 instead of leaving no active admin.
  User update_standing(const storage::Actor& actor, const std::string& id, const Standing& standing,
                       std::optional<std::int64_t> if_revision = {});
  void remove(const storage::Actor& actor, const std::string& id, std::optional<std::int64_t> if_revision = {});

  /// Ends every session but `keep_session`. 409 when the password was changed meanwhile (`user` is stale).
  void set_password(const storage::Actor& actor, const User& user, const std::string& new_password,
                    std::string_view keep_session);

 private:
  User changing(storage::Transaction& transaction, const std::string& id,
                std::optional<std::int64_t> if_revision) const;
  void store(storage::Transaction& transaction, User& user) const;
  bool was_used(const std::string& password, const User& user, std::int64_t former) const;
  void keep_an_admin(storage::Transaction& transaction, const User& leaving) const;

  storage::Database& database_;
  const settings::Registry& settings_;
  Passwords& passwords_;
  Sessions& sessions_;
  ApiKeys& api_keys_;
};

}  // namespace kernel::auth
