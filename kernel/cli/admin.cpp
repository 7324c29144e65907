#include "cli/failure.hpp"
#include "cli/options.hpp"
#include "cli/program.hpp"
#include "cli/secret_input.hpp"
#include "cli/store.hpp"
#include "routing/ip_rules.hpp"

#include <CLI/CLI.hpp>

#include <iostream>

namespace kernel::cli {
namespace {

struct Options {
  InstallationOptions installation;
  std::string email, full_name, password_file;
};

const storage::Actor operator_at_the_shell{.kind = "system", .id = "command-line", .address = {}, .request_id = {}};

/// What a problem says, with every fault, in one line.
template <typename Work>
void explaining(Work work) {
  try {
    work();
  } catch (const atrium::Problem& problem) {
    std::string text = problem.what();
    if (problem.errors.size() > 1) {
      for (const auto& fault : problem.errors) text += "; " + fault.pointer + ": " + fault.detail;
    }
    throw Failure(text);
  }
}

int create(const Options& options) {
  const auto config = options.installation.load().config;
  const auto password = read_secret("password", options.password_file, true);
  explaining([&] {
    Store store(config);
    auth::Auth auth(*store.database, store.settings, store.keys, config.data.directory);
    if (const auto email = auth::normalised_email(options.email); email && auth.users.find_by_email(*email)) {
      throw Failure("there is an account " + *email +
                    " already; its password is set by `atrium admin reset-password`, its role by an admin");
    }
    const auto user = auth.users.create(
        operator_at_the_shell,
        {.email = options.email, .password = password, .full_name = options.full_name, .role = auth::Role::admin});
    // With an account there, the setup token has nothing left to open.
    auth.setup_token.discard();
    std::cout << "The admin " << user.email << " can sign in.\n";
  });
  return 0;
}

std::string address_in(const Options& options) {
  auto email = auth::normalised_email(options.email);
  if (!email) throw Failure("`" + options.email + "` is no e-mail address; give one by --email");
  return std::move(*email);
}

auth::User account_of(const auth::Auth& auth, const std::string& email) {
  auto user = auth.users.find_by_email(email);
  if (!user) throw Failure("there is no account " + email + "; make one with `atrium admin create`");
  return std::move(*user);
}

int reset_password(const Options& options) {
  const auto config = options.installation.load().config;
  const auto email = address_in(options);
  const auto password = read_secret("new password", options.password_file, true);
  explaining([&] {
    Store store(config);
    auth::Auth auth(*store.database, store.settings, store.keys, config.data.directory);
    auth.users.set_password(operator_at_the_shell, account_of(auth, email), password, "");
    std::cout << "The password of " << email << " is set, and every session of it has ended.\n";
  });
  return 0;
}

int remove_mfa(const Options& options) {
  const auto config = options.installation.load().config;
  const auto email = address_in(options);
  explaining([&] {
    Store store(config);
    auth::Auth auth(*store.database, store.settings, store.keys, config.data.directory);
    auth.mfa.remove(operator_at_the_shell, account_of(auth, email).id.str());
    std::cout << "The account " << email << " signs in by its password alone, and every session of it has ended.\n";
  });
  return 0;
}

int clear_ip_rules(const InstallationOptions& installation) {
  explaining([&] {
    Store store(installation.load().config);
    routing::IpRules(*store.database).replace(operator_at_the_shell, {}, "", std::nullopt);
    std::cout << "Requests are taken from every address again; a running kernel knows it within 15 seconds.\n";
  });
  return 0;
}

int rotate_signing_key(const InstallationOptions& installation) {
  const auto config = installation.load().config;
  explaining([&] {
    Store store(config);
    const auto next = store.keys.jwt.at(1).id;
    storage::in_transaction(*store.database, operator_at_the_shell, [&](storage::Transaction& transaction) {
      transaction.record({"signing_key.rotated", "signing_key", next, "", "", ""});
    });
    auth::rotate_jwt_keys(config.data.directory);
    std::cout << "The key " << next << " signs new access tokens from the next reload (SIGHUP) or start on; "
              << "the tokens that are out still count.\n"
              << "With several nodes: reload this one, then copy " << (config.data.directory + "/keys/jwt*")
              << " to the others and reload them.\n";
  });
  return 0;
}

}  // namespace

void add_admin(CLI::App& app, Program& program) {
  auto* admin = app.add_subcommand("admin", "Accounts, straight in the database: works with the kernel running or not");
  admin->require_subcommand(1);
  admin->footer("Example:\n  atrium admin create --email ada@example.com --full-name 'Ada Lovelace'");
  const auto add = [&](const char* name, const char* about, int (*act)(const Options&), const char* example) {
    auto* command = admin->add_subcommand(name, about);
    auto options = on_chosen<Options>(*command, program, act);
    command->add_option("--email", options->email, "The account's address")->required();
    add_installation_options(*command, options->installation);
    command->footer("Example:\n  " + std::string(example));
    return std::pair(command, options);
  };
  const auto takes_password = [](CLI::App& command, Options& options) {
    command
        .add_option("--password-file", options.password_file, "Take the password from this file, - for standard input")
        ->type_name("FILE");
  };
  auto [command, options] =
      add("create", "Make an admin", create, "atrium admin create --email ada@example.com --full-name 'Ada Lovelace'");
  command->add_option("--full-name", options->full_name, "How the account is shown")->required();
  takes_password(*command, *options);
  auto [reset, reset_options] = add("reset-password", "Set an account's password and end its sessions", reset_password,
                                    "atrium admin reset-password --email ada@example.com");
  takes_password(*reset, *reset_options);
  add("remove-mfa", "Turn an account's multi-factor authentication off: its phone and recovery codes are lost",
      remove_mfa, "atrium admin remove-mfa --email ada@example.com");
  auto* clear = admin->add_subcommand("clear-ip-rules", "Let everybody in again whom the IP rules keep out");
  add_installation_options(*clear, *on_chosen<InstallationOptions>(*clear, program, clear_ip_rules));
  clear->footer("Example:\n  atrium admin clear-ip-rules");
  auto* rotate = admin->add_subcommand("rotate-signing-key", "Sign access tokens with a new key; nobody is logged out");
  add_installation_options(*rotate, *on_chosen<InstallationOptions>(*rotate, program, rotate_signing_key));
  rotate->footer("Example:\n  atrium admin rotate-signing-key && systemctl reload atrium");
}

}  // namespace kernel::cli
