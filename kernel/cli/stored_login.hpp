#pragma once
// What `atrium login` leaves for later commands: a file of mode 0600 that several commands may renew at once.
#include <filesystem>
#include <optional>
#include <string>

namespace kernel::cli {

struct Login {
  std::string url;  ///< whose tokens these are, and the only one that gets to see them
  std::string access_token, refresh_token;
};

/// Where `atrium login` keeps it: XDG_CONFIG_HOME or ~/.config, atrium/token.
std::filesystem::path stored_login_path();

/// What a token file holds: a login, or one bare token without url and refresh_token. None: there is no such file.
/// Throws Failure for one that cannot be used, or that others may read though it renews itself.
std::optional<Login> read_login(const std::filesystem::path& path);
/// Replaces the file whole; its folder is made.
void write_login(const std::filesystem::path& path, const Login& login);

/// Held from reading to writing a login, so that two commands do not spend the same refresh token, which would end
/// the session. Waits for its turn; ends with the process.
class LoginLock {
 public:
  explicit LoginLock(const std::filesystem::path& path);
  ~LoginLock();
  LoginLock(const LoginLock&) = delete;

 private:
  int file_;
};

}  // namespace kernel::cli
