#include "cli/failure.hpp"
#include "cli/options.hpp"
#include "cli/program.hpp"
#include "cli/secret_input.hpp"

#include <CLI/CLI.hpp>

#include <nlohmann/json.hpp>

#include <iostream>

namespace kernel::cli {
namespace {

struct Options {
  ClientOptions client;
  std::string email, password_file, mfa_code;
};

int login(const Options& options) {
  auto client = Client::without_token(options.client.url);
  const auto email = options.email.empty() ? ask("e-mail address") : options.email;
  nlohmann::json body{{"email", email}, {"password", read_secret("password", options.password_file, false)}};
  const auto first = client.send("POST", "/auth/login", body);
  if (first.status == 401 && first.body.is_object() && first.body.value("type", "") == "/problems/mfa-required") {
    body["mfa_code"] = options.mfa_code.empty() ? ask("code of your authenticator") : options.mfa_code;
  }
  const auto pair = first.status == 200 ? first.body : client.call("POST", "/auth/login", body);
  const auto& file = options.client.token_file;
  const auto path = file.empty() ? stored_login_path() : std::filesystem::path(file);
  const LoginLock lock(path);
  write_login(path, {client.url(), pair.at("access_token"), pair.at("refresh_token")});
  std::cout << "Signed in to " << client.url() << "; the login is in " << path.string()
            << ", and commands renew it as they use it.\n";
  return 0;
}

}  // namespace

void add_login(CLI::App& app, Program& program) {
  auto* command = app.add_subcommand("login", "Sign in and keep the token for later commands");
  auto options = on_chosen<Options>(*command, program, login);
  command->add_option("--email", options->email, "The account's address");
  command
      ->add_option("--password-file", options->password_file, "Take the password from this file, - for standard input")
      ->type_name("FILE");
  command->add_option("--mfa-code", options->mfa_code,
                      "What the authenticator shows, or a recovery code, in place of being asked; it works once");
  add_client_options(*command, options->client);
  command->footer("Example:\n  atrium login --email ada@example.com");
}

}  // namespace kernel::cli
