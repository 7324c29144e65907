#include "auth/registration.hpp"

#include "auth/security_settings.hpp"
#include "auth/sql.hpp"

#include <optional>

namespace kernel::auth {
namespace {

[[noreturn]] void setup_token_spent() {
  throw atrium::forbidden("The setup token has been spent; ask the admin for an account.");
}

}  // namespace

Registration::Registration(storage::Database& database, const settings::Registry& settings, Passwords& passwords,
                           Users& users, SetupToken& setup_token)
    : database_(database), settings_(settings), passwords_(passwords), users_(users), setup_token_(setup_token) {}

void Registration::prepare() {
  if (users_.any()) {
    setup_token_.discard();
  } else {
    setup_token_.offer();
  }
}

User Registration::register_account(const NewUser& account, const std::optional<std::string>& setup_token,
                                    const Origin& origin) {
  NewUser good = users_.checked(account);
  if (!users_.any()) return make_first_admin(std::move(good), setup_token, origin);
  // Whoever brings a token expects to become the admin; a member's account would be a surprise.
  if (setup_token) setup_token_spent();
  const RegistrationMode mode = SecuritySettings::read(settings_).registration;
  if (mode == RegistrationMode::closed)
    throw atrium::forbidden("Registration is closed here; ask an admin for an account.");
  good.role = Role::member;
  good.status = mode == RegistrationMode::open ? UserStatus::active : UserStatus::pending;
  return users_.create(anonymous_actor(origin), good);
}

User Registration::make_first_admin(NewUser account, const std::optional<std::string>& setup_token,
                                    const Origin& origin) {
  if (!setup_token)
    throw atrium::forbidden(
        "The first account needs the setup_token; the operator finds it in the file setup-token "
        "of the data directory.");
  if (!setup_token_.matches(*setup_token)) throw atrium::forbidden("This is not the setup token.");
  account.role = Role::admin;
  account.status = UserStatus::active;
  const std::string hash = passwords_.hash(account.password);
  return in_transaction(database_, anonymous_actor(origin), [&](storage::Transaction& transaction) {
    bool is_first = true;
    query(transaction, "SELECT 1 FROM users LIMIT 1", [&](storage::Row) { return is_first = false; });
    // The constraint, not the look before it, decides between transactions that cannot see each other.
    if (!is_first || exec(transaction, "INSERT INTO setup (id, spent_at) VALUES (1, ?) ON CONFLICT DO NOTHING",
                          atrium::Time::now().microseconds) == 0)
      setup_token_spent();
    User admin = users_.insert(transaction, account, hash);
    transaction.after_commit([this] { setup_token_.discard(); });
    return admin;
  });
}

}  // namespace kernel::auth
