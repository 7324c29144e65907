#include "cli/stored_login.hpp"

#include "cli/failure.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>

namespace kernel::cli {
namespace {

constexpr std::size_t longest_file = 16 * 1024;

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& why) {
  throw Failure("cannot use the token file " + path.string() + ": " + why);
}

std::string read_whole(const std::filesystem::path& path, int file) {
  std::string text(longest_file + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const auto got = read(file, text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(path, std::strerror(errno));
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > longest_file) fail(path, "it is too large to hold a token; write it with `atrium login`");
  text.resize(size);
  return text;
}

Login parse(const std::filesystem::path& path, std::string text) {
  text.erase(text.find_last_not_of(" \r\n") + 1);
  Login login;
  if (!text.starts_with('{')) {
    if (text.empty() || text.find_first_of(" \r\n") != std::string::npos)
      fail(path, "it must hold one token; write it with `atrium login`");
    login.access_token = text;
    return login;
  }
  const auto json = nlohmann::json::parse(text, nullptr, false);
  for (auto [member, target] :
       {std::pair{"url", &login.url}, {"access_token", &login.access_token}, {"refresh_token", &login.refresh_token}}) {
    if (!json.is_object() || !json.contains(member) || !json[member].is_string())
      fail(path, "it is damaged; write it anew with `atrium login`");
    *target = json[member];
  }
  return login;
}

std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

}  // namespace

std::filesystem::path stored_login_path() {
  if (const char* folder = std::getenv("XDG_CONFIG_HOME"); folder && *folder) {
    return std::filesystem::path(folder) / "atrium" / "token";
  }
  const char* home = std::getenv("HOME");
  return std::filesystem::path(home && *home ? home : ".") / ".config" / "atrium" / "token";
}

std::optional<Login> read_login(const std::filesystem::path& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0 && errno == ENOENT) return std::nullopt;
  if (file < 0) fail(path, std::strerror(errno));
  const std::unique_ptr<const int, void (*)(const int*)> closed(&file, [](const int* open) { close(*open); });
  struct stat status {};
  fstat(file, &status);
  auto login = parse(path, read_whole(path, file));
  if (!login.refresh_token.empty() && (status.st_mode & 077) != 0)
    fail(path, "other users of this machine can reach it; run: chmod 600 " + path.string());
  return login;
}

void write_login(const std::filesystem::path& path, const Login& login) {
  std::error_code error;
  std::filesystem::create_directories(folder_of(path), error);
  const auto fresh = path.string() + ".new";
  unlink(fresh.c_str());
  const int file = open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  const auto text =
      nlohmann::json{{"url", login.url}, {"access_token", login.access_token}, {"refresh_token", login.refresh_token}}
          .dump() +
      "\n";
  const bool written =
      file >= 0 && write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && fsync(file) == 0;
  if (file >= 0) close(file);
  if (!written || rename(fresh.c_str(), path.c_str()) != 0) {
    throw Failure("cannot store the login in " + path.string() + ": " + std::strerror(errno) +
                  "; name another place by --token-file");
  }
}

LoginLock::LoginLock(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::create_directories(folder_of(path), error);
  const auto name = path.string() + ".lock";
  file_ = open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file_ < 0)
    throw Failure("cannot write " + name + ": " + std::strerror(errno) + "; name another place by --token-file");
  while (flock(file_, LOCK_EX) != 0 && errno == EINTR) {
  }
}

LoginLock::~LoginLock() { close(file_); }

}  // namespace kernel::cli
