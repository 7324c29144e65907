#include "cli/failure.hpp"
#include "cli/options.hpp"
#include "cli/program.hpp"
#include "cli/secret_input.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <iostream>

namespace kernel::cli {
namespace {

struct Options {
  ClientOptions client;
  std::string email, password_file;
};

/// Mode 0600 from its first byte on, and replaced whole.
void store(const std::filesystem::path& path, const std::string& token) {
  std::filesystem::create_directories(path.parent_path().empty() ? "." : path.parent_path());
  const auto fresh = path.string() + ".new";
  unlink(fresh.c_str());
  const int file = open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  const auto line = token + "\n";
  const bool written = file >= 0 && write(file, line.data(), line.size()) == static_cast<ssize_t>(line.size());
  if (file >= 0) close(file);
  if (!written || rename(fresh.c_str(), path.c_str()) != 0) {
    throw Failure("cannot store the token in " + path.string() + "; name another place by --token-file");
  }
}

int login(const Options& options) {
  // The token file is what this command writes, so it is not read.
  Client client({.url = options.client.url, .token_file = {}});
  client.set_token("");
  const auto email = options.email.empty() ? ask("e-mail address") : options.email;
  nlohmann::json body{{"email", email}, {"password", read_secret("password", options.password_file, false)}};
  const auto first = client.send("POST", "/auth/login", body);
  if (first.status == 401 && first.body.is_object() && first.body.value("type", "") == "/problems/mfa-required") {
    body["mfa_code"] = ask("code of your authenticator");
  }
  const auto pair = first.status == 200 ? first.body : client.call("POST", "/auth/login", body);
  const auto& file = options.client.token_file;
  const auto path = file.empty() ? stored_token_path() : std::filesystem::path(file);
  store(path, pair.at("access_token"));
  std::cout << "Signed in to " << client.url() << "; the token is in " << path.string() << " and works for "
            << pair.value("expires_in", 0) / 60 << " minutes.\n";
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
