#pragma once
// A PostgreSQL server for tests: one cluster a test program, a fresh database for each that asks.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

#include <unistd.h>

namespace kernel::storage::testing {

class PostgresqlCluster {
 public:
  /// The program's cluster, started when first asked for and stopped when the program ends. With ATRIUM_TEST_POSTGRESQL
  /// (a URL of a server's database whose user may create databases) that server is used instead.
  static PostgresqlCluster& instance() {
    static PostgresqlCluster cluster;
    return cluster;
  }

  /// The URL of a new, empty database.
  std::string new_database() {
    const auto name = "test_" + std::to_string(getpid()) + "_" + std::to_string(++databases_);
    run("psql -q -v ON_ERROR_STOP=1 -c 'CREATE DATABASE " + name + "' '" + url(administration_) + "'");
    return url(name);
  }

 private:
  PostgresqlCluster() {
    if (const char* given = std::getenv("ATRIUM_TEST_POSTGRESQL"); given != nullptr && *given != '\0') {
      const std::string text = given;
      const auto host_end = text.find('/', text.find("://") + 3);
      const auto query = text.find('?');
      base_ = text.substr(0, std::min(host_end, query));
      if (query != std::string::npos) query_ = text.substr(query);
      if (host_end != std::string::npos && host_end < query) {
        const auto path = text.substr(host_end + 1, query == std::string::npos ? query : query - host_end - 1);
        if (!path.empty()) administration_ = path;
      }
      return;
    }
    start();
  }

  ~PostgresqlCluster() {
    if (directory_.empty()) return;
    (void)std::system(as_postgres("pg_ctl -D " + directory_ + "/data -m immediate stop").c_str());
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
  PostgresqlCluster(const PostgresqlCluster&) = delete;

  /// On a socket in a directory of its own: no port, so that any number of them run side by side.
  void start() {
    std::string pattern = (std::filesystem::temp_directory_path() / "atrium-pg-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make " + pattern);
    directory_ = pattern;
    if (geteuid() == 0) run("chown postgres " + directory_);
    run(as_postgres("initdb -D " + directory_ + "/data -U postgres -A trust -E UTF8 --locale=C --no-sync"));
    run(as_postgres("pg_ctl -D " + directory_ + "/data -w -l " + directory_ + "/log -o \"-k " + directory_ +
                    " -c listen_addresses= -c max_connections=60 -c shared_buffers=32MB\" start"));
    base_ = "postgresql://postgres@";
    query_ = "?host=" + directory_;
  }

  std::string url(const std::string& database) const { return base_ + "/" + database + query_; }

  static std::string as_postgres(const std::string& command) {
    const auto full = "cd / && PATH=/usr/lib/postgresql/15/bin:$PATH " + command + " >/dev/null 2>&1";
    return geteuid() == 0 ? "setpriv --reuid=postgres --regid=postgres --clear-groups sh -c '" + full + "'" : full;
  }

  static void run(const std::string& command) {
    if (std::system(command.c_str()) != 0) throw std::runtime_error("failed: " + command);
  }

  std::string directory_, base_, query_, administration_ = "postgres";
  int databases_ = 0;
};

}  // namespace kernel::storage::testing
