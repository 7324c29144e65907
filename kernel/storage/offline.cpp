#include "storage/offline.hpp"

#include "storage/session.hpp"
#include "storage/sqlite_backup.hpp"

#include <filesystem>
#include <memory>

namespace kernel::storage {
namespace {

constexpr std::string_view sqlite = "sqlite:";

struct Opened {
  Grants grants;
  std::unique_ptr<Session> session;
};

std::unique_ptr<Opened> open(const std::string& url) {
  auto opened = std::make_unique<Opened>();
  SessionOptions options{.target = url, .use = Session::Use::reading};
  options.grants = &opened->grants;
  if (url.starts_with(sqlite)) {
    options.target = url.substr(sqlite.size());
    opened->session = open_sqlite(options);
  } else {
    opened->session = open_postgresql(options);
  }
  return opened;
}

}  // namespace

std::optional<std::set<std::pair<std::string, std::string>>> applied_migrations(const std::string& url) {
  const bool is_sqlite = url.starts_with(sqlite);
  if (is_sqlite && !std::filesystem::exists(url.substr(sqlite.size()))) return std::nullopt;
  const auto opened = open(url);
  const auto read = [&](std::string_view sql, const RowFn& row) { opened->session->exec("kernel", sql, {}, row); };
  bool known = false;
  read(is_sqlite ? "SELECT name FROM sqlite_master WHERE name = 'migrations'"
                 : "SELECT 1 WHERE to_regclass('migrations') IS NOT NULL",
       [&](Row) { return known = true; });
  std::set<std::pair<std::string, std::string>> applied;
  if (!known) return applied;
  read("SELECT owner, name FROM migrations", [&](Row row) {
    applied.emplace(row[0].value_or(""), row[1].value_or(""));
    return true;
  });
  return applied;
}

void copy_sqlite(const std::string& url, const std::string& file) {
  const auto path = url.substr(sqlite.size());
  if (!std::filesystem::exists(path)) throw SqlError(ATRIUM_E_UNAVAILABLE, "there is no database " + path);
  backup_sqlite(*open(url)->session, file);
}

}  // namespace kernel::storage
