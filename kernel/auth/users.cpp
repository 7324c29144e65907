#include "auth/users.hpp"

#include "auth/password_history.hpp"
#include "auth/password_policy.hpp"
#include "auth/sql.hpp"

#include <algorithm>

namespace kernel::auth {
namespace {

const std::string& select_user() {
  static const std::string sql = "SELECT " + atrium::columns<User>() + " FROM users WHERE deleted_at IS NULL AND ";
  return sql;
}

void record(storage::Transaction& transaction, std::string_view action, const User& user) {
  transaction.record(
      {std::string(action), "user", user.id.str(), std::string(action), atrium::to_json(user), user.id.str()});
}

[[noreturn]] void email_taken() { throw atrium::conflict("An account with this e-mail address exists already."); }

/// The address is unique by an index; a check before the write would be true only until the write.
template <class Write>
std::int64_t unless_email_taken(Write write) {
  try {
    return write();
  } catch (const storage::SqlError& error) {
    if (error.code() == ATRIUM_E_CONFLICT) email_taken();
    throw;
  }
}

constexpr const char* not_an_address = "must be an e-mail address such as ann@example.org";

}  // namespace

void Users::check(NewUser& account, std::vector<atrium::Fault>& faults) const {
  const auto add = [&](std::string_view pointer, std::string detail) {
    for (const auto& fault : faults)
      if (fault.pointer == pointer) return;
    faults.push_back({std::string(pointer), std::move(detail)});
  };
  if (auto normalised = normalised_email(account.email)) {
    account.email = std::move(*normalised);
  } else {
    add("/email", not_an_address);
  }
  if (auto fault = PasswordPolicy::read(settings_).fault_of(account.password, account.email))
    add("/password", std::move(*fault));
  if (account.full_name.empty()) add("/full_name", "must not be empty");
}

NewUser Users::checked(NewUser account) const {
  std::vector<atrium::Fault> faults;
  check(account, faults);
  if (!faults.empty()) throw atrium::invalid(std::move(faults));
  return account;
}

Users::Users(storage::Database& database, const settings::Registry& settings, Passwords& passwords, Sessions& sessions,
             ApiKeys& api_keys)
    : database_(database), settings_(settings), passwords_(passwords), sessions_(sessions), api_keys_(api_keys) {}

bool Users::any() const {
  bool found = false;
  query(database_, "SELECT 1 FROM users LIMIT 1", [&](storage::Row) {
    found = true;
    return false;
  });
  return found;
}

User Users::get(std::string_view id) const {
  static const std::string sql = select_user() + "id = ?";
  auto user = find_one<User>(database_, sql, id);
  if (!user) throw atrium::not_found();
  return std::move(*user);
}

std::optional<User> Users::find_by_email(std::string_view normalised_email) const {
  static const std::string sql = select_user() + "lower(email) = ?";
  return find_one<User>(database_, sql, normalised_email);
}

User Users::create(const storage::Actor& actor, const NewUser& account) {
  const NewUser good = checked(account);
  const std::string hash = passwords_.hash(good.password);
  return in_transaction(database_, actor,
                        [&](storage::Transaction& transaction) { return insert(transaction, good, hash); });
}

User Users::insert(storage::Transaction& transaction, const NewUser& account, const std::string& password_hash) const {
  User user;
  user.id = atrium::Id::make();
  user.email = account.email;
  user.full_name = account.full_name;
  user.role = account.role;
  user.status = account.status;
  user.created_at = atrium::Time::now();
  unless_email_taken([&] {
    return exec(transaction,
                "INSERT INTO users (id, email, full_name, role, status, created_at, password_hash) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                user.id.text(), user.email, user.full_name, atrium::name_of(user.role), atrium::name_of(user.status),
                user.created_at.microseconds, password_hash);
  });
  record(transaction, "user.created", user);
  return user;
}

User Users::changing(storage::Transaction& transaction, const std::string& id,
                     std::optional<std::int64_t> if_revision) const {
  static const std::string sql = select_user() + "id = ?";
  auto user = find_one<User>(transaction, sql, id);
  if (!user) throw atrium::not_found();
  if (if_revision && *if_revision != user->revision) throw atrium::stale();
  return std::move(*user);
}

void Users::store(storage::Transaction& transaction, User& user) const {
  const std::int64_t read_revision = user.revision++;
  const auto changed = unless_email_taken([&] {
    return exec(transaction,
                "UPDATE users SET email = ?, full_name = ?, role = ?, status = ?, revision = ? "
                "WHERE id = ? AND revision = ? AND deleted_at IS NULL",
                user.email, user.full_name, atrium::name_of(user.role), atrium::name_of(user.status), user.revision,
                user.id.text(), read_revision);
  });
  if (changed == 0) throw atrium::conflict("Somebody changed the account at the same time; read it again.");
}

User Users::update_profile(const storage::Actor& actor, const std::string& id, const Profile& profile,
                           std::optional<std::int64_t> if_revision) {
  std::vector<atrium::Fault> faults;
  std::optional<std::string> email;
  if (profile.email && !(email = normalised_email(*profile.email))) faults.push_back({"/email", not_an_address});
  if (profile.full_name && profile.full_name->empty()) faults.push_back({"/full_name", "must not be empty"});
  if (!faults.empty()) throw atrium::invalid(std::move(faults));
  return in_transaction(database_, actor, [&](storage::Transaction& transaction) {
    User user = changing(transaction, id, if_revision);
    if (email) user.email = *email;
    if (profile.full_name) user.full_name = *profile.full_name;
    store(transaction, user);
    record(transaction, user_updated_topic, user);
    return user;
  });
}

User Users::update_standing(const storage::Actor& actor, const std::string& id, const Standing& standing,
                            std::optional<std::int64_t> if_revision) {
  return in_transaction(database_, actor, [&](storage::Transaction& transaction) {
    const User before = changing(transaction, id, if_revision);
    User user = before;
    user.role = standing.role.value_or(user.role);
    user.status = standing.status.value_or(user.status);
    user.full_name = standing.full_name.value_or(user.full_name);
    const bool was_admin = before.role == Role::admin && before.status == UserStatus::active;
    const bool is_admin = user.role == Role::admin && user.status == UserStatus::active;
    if (was_admin && !is_admin) keep_an_admin(transaction, before);
    store(transaction, user);
    if (user.role != before.role || user.status != before.status) {
      sessions_.end_all(transaction, id);
      api_keys_.owner_changes(transaction, id);
    }
    record(transaction, user_updated_topic, user);
    return user;
  });
}

void Users::remove(const storage::Actor& actor, const std::string& id, std::optional<std::int64_t> if_revision) {
  in_transaction(database_, actor, [&](storage::Transaction& transaction) {
    User user = changing(transaction, id, if_revision);
    if (user.role == Role::admin && user.status == UserStatus::active) keep_an_admin(transaction, user);
    user.status = UserStatus::disabled;
    store(transaction, user);
    exec(transaction, "UPDATE users SET deleted_at = ?, password_hash = '', mfa_secret = NULL WHERE id = ?",
         atrium::Time::now().microseconds, id);
    forget_passwords(transaction, id);
    sessions_.end_all(transaction, id);
    api_keys_.revoke_all(transaction, id);
    record(transaction, "user.deleted", user);
  });
}

void Users::keep_an_admin(storage::Transaction& transaction, const User& leaving) const {
  // Two admins who remove each other at the same moment would each see the other: PostgreSQL has to lock the rows.
  std::string sql =
      "SELECT id FROM users WHERE role = 'admin' AND status = 'active' AND deleted_at IS NULL ORDER BY id";
  if (database_.dialect() == storage::Dialect::postgresql) sql += " FOR UPDATE";
  bool another = false;
  query(transaction, sql, [&](storage::Row row) {
    another = another || row[0] != leaving.id.text();
    return true;
  });
  if (!another) throw atrium::conflict("This is the last admin; make somebody else an admin first.");
}

bool Users::was_used(const std::string& password, const User& user, std::int64_t former) const {
  if (former == 0) return false;
  auto hashes = former_passwords(database_, user.id.text(), former);
  hashes.push_back(user.password_hash);
  return std::any_of(hashes.begin(), hashes.end(),
                     [&](const std::string& hash) { return passwords_.verify(password, hash).matches; });
}

void Users::set_password(const storage::Actor& actor, const User& user, const std::string& new_password,
                         std::string_view keep_session) {
  const auto policy = PasswordPolicy::read(settings_);
  if (const auto fault = policy.fault_of(new_password, user.email)) throw atrium::invalid("/new_password", *fault);
  if (was_used(new_password, user, policy.history))
    throw atrium::invalid("/new_password", "was a password of this account before; choose another one");
  const std::string hash = passwords_.hash(new_password), id = user.id.str();
  in_transaction(database_, actor, [&](storage::Transaction& transaction) {
    if (exec(transaction,
             "UPDATE users SET password_hash = ?, revision = revision + 1 "
             "WHERE id = ? AND password_hash = ? AND deleted_at IS NULL",
             hash, id, user.password_hash) == 0)
      throw atrium::conflict("The password was changed at the same time; sign in with the new one.");
    remember_password(transaction, id, user.password_hash, policy.history);
    sessions_.end_all(transaction, id, keep_session);
    transaction.record({"user.password_changed", "user", id, "user.password_changed", atrium::dump({{"id", id}}), id});
  });
}

}  // namespace kernel::auth
