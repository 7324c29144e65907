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
  std::string email, password_file;
};

int login(const Options& options) {
  auto client = Client::without_token(options.client.url);
  const auto email = options.email.empty() ? ask("e-mail address") : options.email;
  nlohmann::json body{{"email", email}, {"password", read_secret("password", options.password_file, false)}};
  const auto first = client.send("POST", "/auth/login", body);
  if (first.status == 401 && first.body.is_object() && first.body.value("type", "") == "/problems/mfa-required") {
    body["mfa_code"] = ask("code of your authenticator");
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
  add_client_options(*command, options->client);
  command->footer("Example:\n  atrium login --email ada@example.com");
}

}  // namespace kernel::cli
