#include "cli/checks.hpp"
#include "cli/client.hpp"
#include "observability/printable.hpp"
#include "plugins/loader.hpp"
#include "plugins/migrations.hpp"
#include "storage/database.hpp"
#include "storage/offline.hpp"
#include "storage/schema.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <arpa/inet.h>

#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <vector>

namespace kernel::cli {
namespace {

namespace fs = std::filesystem;
using config::Config;
using State = Finding::State;

constexpr std::uintmax_t mib = 1 << 20, little_space = 1024 * mib, no_space = 100 * mib;

Finding check_data(const Config& config) {
  const fs::path data = config.data.directory;
  const auto finding = [&](State state, const std::string& detail, const std::string& cure) {
    return Finding{"data directory", state, data.string() + ": " + detail, cure};
  };
  std::error_code error;
  auto there = data;
  while (!fs::exists(there, error) && there.has_relative_path()) there = there.parent_path();
  if (!fs::is_directory(there, error))
    return finding(State::failed, there.string() + " is no folder", "choose another by --data");
  if (access(there.c_str(), W_OK | X_OK) != 0) {
    return finding(State::failed, std::string("this user may not write there: ") + std::strerror(errno),
                   "run `chown -R \"$(id -un)\" " + there.string() + "` as root, or choose another by --data");
  }
  const auto space = fs::space(there, error).available;
  const auto free = std::to_string(space / mib) + " MiB free";
  if (space < no_space) return finding(State::failed, free, "make room on this disk, or choose another by --data");
  if (there != data) return finding(State::ok, "made at the first start, " + free, {});
  struct stat status {};
  if (stat(data.c_str(), &status) == 0 && (status.st_mode & 077) != 0)
    return finding(State::warning, "other users of this machine can look into it", "run: chmod 700 " + data.string());
  if (space < little_space) return finding(State::warning, free, "make room on this disk before it is full");
  return finding(State::ok, "writable, " + free, {});
}

Finding check_keys(const Config& config) {
  const auto folder = fs::path(config.data.directory) / "keys";
  std::error_code error;
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder, error)) files.push_back(entry.path());
  if (const auto token = fs::path(config.data.directory) / "setup-token"; fs::exists(token)) files.push_back(token);
  const auto failed = [](const fs::path& file, const std::string& what, const std::string& cure) {
    return Finding{"key files", State::failed, file.string() + " " + what, cure};
  };
  for (const auto& file : files) {
    struct stat status {};
    if (stat(file.c_str(), &status) != 0) continue;
    if ((status.st_mode & 077) != 0)
      return failed(file, "can be reached by other users of this machine", "run: chmod 600 " + file.string());
    if (access(file.c_str(), R_OK) != 0)
      return failed(file, "cannot be read by this user", "run as its owner, or chown it to the kernel's user");
    if (file.extension() == ".key" && status.st_size != 32)
      return failed(file, "is damaged: a key has 32 bytes",
                    "restore it from a backup: a new key cannot read what the old one protects");
  }
  if (files.empty()) return {"key files", State::ok, "made at the first start", {}};
  return {"key files", State::ok, std::to_string(files.size()) + " files, only their owner reads them", {}};
}

/// The process that holds the data directory; empty: none.
std::string holder_of(const Config& config) {
  const int file = open((fs::path(config.data.directory) / "lock").c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return {};
  std::string holder;
  if (flock(file, LOCK_SH | LOCK_NB) != 0) {
    char text[32] = {};
    holder = pread(file, text, sizeof text - 1, 0) > 0 ? text : "unknown";
  }
  close(file);
  return observability::printable(holder, 32);
}

/// 0, or why nobody can listen there.
int listen_fault(const config::HostPort& address) {
  sockaddr_storage storage{};
  socklen_t size = sizeof(sockaddr_in);
  if (inet_pton(AF_INET, address.host.c_str(), &reinterpret_cast<sockaddr_in&>(storage).sin_addr) == 1) {
    storage.ss_family = AF_INET;
    reinterpret_cast<sockaddr_in&>(storage).sin_port = htons(address.port);
  } else {
    inet_pton(AF_INET6, address.host.c_str(), &reinterpret_cast<sockaddr_in6&>(storage).sin6_addr);
    storage.ss_family = AF_INET6;
    reinterpret_cast<sockaddr_in6&>(storage).sin6_port = htons(address.port);
    size = sizeof(sockaddr_in6);
  }
  const int socket = ::socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return errno;
  const int on = 1;
  setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const bool free = bind(socket, reinterpret_cast<sockaddr*>(&storage), size) == 0 && listen(socket, 1) == 0;
  const int fault = free ? 0 : errno;
  close(socket);
  return fault;
}

Finding check_port(const Config& config) {
  const auto& listen = config.http.listen;
  if (const auto holder = holder_of(config); !holder.empty())
    return {"port", State::ok, "a kernel (process " + holder + ") runs on this data directory", {}};
  const int fault = listen_fault(config::parse_host_port(listen));
  if (fault == 0) return {"port", State::ok, listen + " is free", {}};
  const auto port = std::to_string(config::parse_host_port(listen).port);
  const std::map<int, std::string> cures{
      {EADDRINUSE, "find out who by `ss -ltnp 'sport = :" + port + "'`, or choose another by --listen"},
      {EACCES, "ports below 1024 need CAP_NET_BIND_SERVICE; choose another by --listen"},
      {EADDRNOTAVAIL, "this machine has no such address: see `ip address`, then choose by --listen"}};
  const auto cure = cures.find(fault);
  return {"port", State::failed, "cannot listen on " + listen + ": " + std::strerror(fault),
          cure == cures.end() ? "choose another by --listen" : cure->second};
}

struct Installed {
  std::vector<plugins::Manifest> manifests;
  std::vector<Finding> faults;
};

Installed read_plugins(const Config& config) {
  Installed installed;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(config.plugins.directory, error)) {
    if (!fs::exists(entry.path() / "plugin.json", error)) continue;
    try {
      auto manifest = plugins::Manifest::read(entry.path());
      plugins::check_shared_object(entry.path(), entry.path() / (manifest.id + ".so"));
      installed.manifests.push_back(std::move(manifest));
    } catch (const std::exception& fault) {
      installed.faults.push_back(
          {"plugins", State::failed, fault.what(),
           "install the plugin " + entry.path().filename().string() + " anew, or remove " + entry.path().string()});
    }
  }
  return installed;
}

std::vector<Finding> check_plugins(const Config& config, Installed installed) {
  auto findings = std::move(installed.faults);
  const auto& folder = config.plugins.directory;
  if (installed.manifests.empty()) {
    findings.push_back({"plugins", State::warning, "none in " + folder,
                        "build them, or name their folder by plugins.directory (ATRIUM_PLUGINS_DIRECTORY)"});
    return findings;
  }
  std::set<std::string> ids;
  for (const auto& manifest : installed.manifests) ids.insert(manifest.id);
  for (const auto& id : config.plugins.enabled) {
    if (id == "*" || ids.contains(id)) continue;
    findings.push_back({"plugins", State::failed, "`" + id + "` is enabled and not installed in " + folder,
                        "install it, or take it out of plugins.enabled"});
  }
  if (findings.empty()) findings.push_back({"plugins", State::ok, std::to_string(ids.size()) + " in " + folder, {}});
  return findings;
}

Finding check_database(const Config& config, const Installed& installed) {
  const auto* key = &config::keys().front();
  for (const auto& each : config::keys()) {
    if (each.name == "database.url") key = &each;
  }
  const auto url = config::masked_value_of(*key, config).get<std::string>();
  const auto finding = [&](State state, const std::string& detail, const std::string& cure) {
    return Finding{"database", state, url + ": " + detail, cure};
  };
  try {
    const auto applied = storage::applied_migrations(config.database.url);
    if (!applied || applied->empty()) return finding(State::ok, "made at the first start", {});
    const auto dialect =
        config.database.url.starts_with("sqlite:") ? storage::Dialect::sqlite : storage::Dialect::postgresql;
    std::set<std::string> known;
    std::size_t waiting = 0;
    for (const auto& migration : storage::kernel_migrations(dialect)) {
      known.insert(migration.name);
      waiting += applied->contains({"kernel", migration.name}) ? 0 : 1;
    }
    for (const auto& [owner, name] : *applied) {
      if (owner == "kernel" && !known.contains(name))
        return finding(State::failed, "a newer Atrium has changed it (" + name + ")",
                       "run that version again, or restore a backup made before the upgrade");
    }
    for (const auto& manifest : installed.manifests) {
      const auto folder = fs::path(config.plugins.directory) / manifest.id / "migrations";
      for (const auto& [name, file] : plugins::migration_files(folder, dialect))
        waiting += applied->contains({manifest.id, name}) ? 0 : 1;
    }
    if (waiting == 0) return finding(State::ok, "reachable and up to date", {});
    return finding(State::warning, std::to_string(waiting) + " migrations are waiting",
                   "the next start runs them, or `atrium migrate` does; make a backup first");
  } catch (const storage::SqlError& error) {
    return finding(State::failed, error.what(),
                   config.database.url.starts_with("sqlite:")
                       ? "check the file and who owns it, or restore a backup"
                       : "check database.url, and that the server runs and lets this machine in");
  }
}

}  // namespace

std::vector<Finding> check_configuration(const config::Inputs& inputs, std::optional<Config>& config) {
  std::vector<Finding> findings;
  try {
    auto loaded = config::load(inputs);
    config = std::move(loaded.config);
    for (const auto& warning : loaded.warnings)
      findings.push_back({"configuration", State::warning, warning, "correct its name, or unset it"});
  } catch (const config::ConfigError& error) {
    for (const auto& fault : error.faults())
      findings.push_back(
          {"configuration", State::failed, fault, "correct it there; `atrium config sample` shows every key"});
  }
  if (findings.empty())
    findings.push_back(
        {"configuration", State::ok, inputs.file.empty() ? "no file, the defaults" : inputs.file + " is good", {}});
  return findings;
}

std::vector<Finding> check_installation(const Config& config) {
  auto installed = read_plugins(config);
  const auto database = check_database(config, installed);
  std::vector<Finding> findings{check_data(config), check_keys(config), check_port(config), database};
  for (auto& finding : check_plugins(config, std::move(installed))) findings.push_back(std::move(finding));
  return findings;
}

}  // namespace kernel::cli
