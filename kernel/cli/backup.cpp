#include "archive/archive.hpp"
#include "cli/backup_format.hpp"
#include "cli/failure.hpp"
#include "cli/options.hpp"
#include "cli/program.hpp"
#include "egress/client.hpp"
#include "jobs/jobs.hpp"
#include "storage/database.hpp"
#include "storage/objects.hpp"
#include "storage/offline.hpp"

#include <atrium/types.hpp>

#include <sys/stat.h>
#include <CLI/CLI.hpp>

#include <chrono>
#include <fstream>
#include <iostream>
#include <memory>
#include <set>
#include <vector>

namespace kernel::cli {
namespace {

namespace fs = std::filesystem;

struct Options {
  InstallationOptions installation;
  std::string file;
  bool json = false;
};

void add_file(archive::Writer& archive, const std::string& name, const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw Failure("cannot read " + file.string() + "; run this as the kernel's user");
  archive.add(name, fs::file_size(file), [&stream](std::span<char> buffer) {
    stream.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    return static_cast<std::size_t>(stream.gcount());
  });
}

/// Keys and whatever else lives in the data directory, without what is saved otherwise and what dies with a process.
void add_data(archive::Writer& archive, const config::Config& config) {
  const fs::path data = config.data.directory;
  const auto saved_otherwise = [&](const fs::path& path) {
    const auto name = path.filename().string(), text = path.string();
    return config.database.url.find(text) != std::string::npos || config.objects.url.find(text) != std::string::npos ||
           name.starts_with("atrium.db") || name == "objects" || name == "lock" || name == "setup-token" ||
           name.starts_with("crash-") || name.starts_with("before-restore-") || name == "restore.new";
  };
  for (auto entry = fs::recursive_directory_iterator(data); entry != fs::recursive_directory_iterator(); ++entry) {
    if (entry.depth() == 0 && saved_otherwise(entry->path())) {
      entry.disable_recursion_pending();
    } else if (entry->is_regular_file() && !entry->is_symlink()) {
      add_file(archive, std::string(backup_data) + entry->path().lexically_relative(data).string(), entry->path());
    }
  }
}

/// Those that are not among `done` yet.
void add_objects(archive::Writer& archive, storage::Objects& objects, std::set<std::string>& done) {
  std::vector<std::string> ids;
  objects.list([&](const std::string& id, std::uint64_t, std::chrono::seconds) {
    if (!done.contains(id)) ids.push_back(id);
    return true;
  });
  for (const auto& id : ids) {
    std::unique_ptr<storage::ObjectReader> object;
    try {
      object = objects.get(id);
    } catch (const storage::SqlError& error) {
      if (error.code() == ATRIUM_E_NOT_FOUND) continue;  // removed since it was listed, and its row before
      throw;
    }
    archive.add(std::string(backup_objects) + id, object->object_size(),
                [&object](std::span<char> buffer) { return object->read(buffer); });
    done.insert(id);
  }
}

int backup(const Options& options) {
  umask(077);  // also for the snapshot while it is being written
  const auto config = options.installation.load().config;
  if (!config.database.url.starts_with("sqlite:")) {
    throw Failure(
        "the database is PostgreSQL, whose own tool makes consistent copies: run `pg_dump --format=custom "
        "--file=atrium.dump` on it, and keep the folder keys of " +
        config.data.directory + " and the objects with the dump");
  }
  if (!fs::exists(config.database.url.substr(7)))
    throw Failure("there is no database " + config.database.url.substr(7) +
                  "; name the installation by --data or --config");
  const fs::path file = fs::absolute(options.file);
  archive::Writer archive(file);
  archive.add(std::string(backup_description), nlohmann::json{{"format", backup_format},
                                                              {"version", ATRIUM_VERSION},
                                                              {"made_at", atrium::Time::now().text()},
                                                              {"database", "sqlite"}}
                                                   .dump(2));
  add_data(archive, config);
  // Before the snapshot, so that nothing it names can be removed first; after it, for what came in between.
  jobs::Jobs jobs({.threads = 1});
  egress::Client egress({.allow_private = config.egress.allow_private, .deny = config.egress.deny, .ca_file = {}},
                        jobs);
  const auto objects = storage::Objects::open(config.objects.url, egress);
  std::set<std::string> done;
  add_objects(archive, *objects, done);
  const auto snapshot = file.string() + ".database";
  const std::unique_ptr<const std::string, void (*)(const std::string*)> removed(
      &snapshot, [](const std::string* name) { fs::remove(*name); });
  storage::copy_sqlite(config.database.url, snapshot);
  add_objects(archive, *objects, done);
  add_file(archive, std::string(backup_database), snapshot);
  archive.finish();
  const auto bytes = fs::file_size(file);
  if (options.json) {
    std::cout << nlohmann::json{{"file", file.string()}, {"bytes", bytes}, {"objects", done.size()}}.dump() << '\n';
  } else {
    std::cout << "Backed up the database, the keys and " << done.size() << " objects into " << file.string() << " ("
              << (bytes + 1023) / 1024 << " KiB). Whoever has it can read everything: keep it safe.\n";
  }
  return 0;
}

}  // namespace

void add_backup(CLI::App& app, Program& program) {
  auto* command =
      app.add_subcommand("backup", "Save database, objects and keys into one file, also while a kernel runs");
  auto options = on_chosen<Options>(*command, program, backup);
  command->add_option("file", options->file, "A new file: .tar.zst or .tar.gz")->type_name("FILE")->required();
  add_installation_options(*command, options->installation);
  add_json_option(*command, options->json);
  command->footer("Example:\n  atrium backup --data /var/lib/atrium atrium-2026-01-31.tar.zst");
}

}  // namespace kernel::cli
