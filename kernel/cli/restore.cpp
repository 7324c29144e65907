#include "archive/archive.hpp"
#include "cli/backup_format.hpp"
#include "cli/failure.hpp"
#include "cli/options.hpp"
#include "cli/program.hpp"
#include "config/data_directory.hpp"
#include "storage/objects.hpp"

#include <atrium/types.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <cstring>
#include <iostream>
#include <memory>
#include <vector>

namespace kernel::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t piece_bytes = 256 * 1024, longest_description = 64 * 1024;

struct Options {
  InstallationOptions installation;
  std::string file;
  bool force = false;
};

void write_all(int file, const fs::path& path, std::span<const char> piece) {
  while (!piece.empty()) {
    const auto written = write(file, piece.data(), piece.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw Failure("cannot write " + path.string() + ": " + std::strerror(errno));
    piece = piece.subspan(static_cast<std::size_t>(written));
  }
}

void unpack_file(archive::Reader& archive, const fs::path& path) {
  fs::create_directories(path.parent_path());
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (file < 0) throw Failure("cannot write " + path.string() + ": " + std::strerror(errno));
  const std::unique_ptr<const int, void (*)(const int*)> closed(&file, [](const int* opened) { close(*opened); });
  std::vector<char> piece(piece_bytes);
  while (const auto got = archive.read(piece)) write_all(file, path, {piece.data(), got});
  if (fsync(file) != 0) throw Failure("cannot write " + path.string() + ": " + std::strerror(errno));
}

void unpack_object(archive::Reader& archive, storage::Objects& objects, const std::string& id) {
  const auto object = objects.put(id);
  std::vector<char> piece(piece_bytes);
  while (const auto got = archive.read(piece)) object->append({piece.data(), got});
  object->finish();
}

void check_description(archive::Reader& archive, const std::string& file) {
  const auto name = archive.next();
  std::string text(longest_description, '\0');
  std::size_t size = 0;
  if (name == backup_description) {
    while (const auto got = archive.read({text.data() + size, text.size() - size})) size += got;
  }
  const auto description = nlohmann::json::parse(text.substr(0, size), nullptr, false);
  if (!description.is_object() || !description.contains("format")) throw Failure(file + " is no backup of Atrium");
  if (description["format"] != backup_format)
    throw Failure(file + " was made by Atrium " + description.value("version", "?") + "; restore it with that version");
}

/// Everything into one new folder, so that a damaged archive costs nothing.
void unpack(const std::string& file, const fs::path& fresh) {
  archive::Reader archive(file);
  check_description(archive, file);
  const auto objects = storage::Objects::open_folder(fresh / "objects");
  while (const auto name = archive.next()) {
    if (name->starts_with(backup_objects)) {
      unpack_object(archive, *objects, name->substr(backup_objects.size()));
    } else if (name->starts_with(backup_data) || name == backup_database) {
      unpack_file(archive, fresh / *name);
    } else {
      throw Failure("cannot read " + file + ": it holds something that no backup of Atrium holds");
    }
  }
  if (!fs::exists(fresh / backup_database)) throw Failure("cannot read " + file + ": it ends too early");
}

/// Also from one disk to another.
void move(const fs::path& from, const fs::path& to) {
  if (to.has_parent_path()) fs::create_directories(to.parent_path());
  if (rename(from.c_str(), to.c_str()) == 0) return;
  if (errno != EXDEV)
    throw Failure("cannot move " + from.string() + " to " + to.string() + ": " + std::strerror(errno));
  fs::copy(from, to, fs::copy_options::recursive);
  fs::remove_all(from);
}

/// The places that a restore fills, and what stands there now.
class Target {
 public:
  explicit Target(const config::Config& config)
      : data(config.data.directory), database(config.database.url.substr(7)), objects(config.objects.url.substr(5)) {}

  std::vector<fs::path> occupied() const {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(data)) {
      const auto name = entry.path().filename().string();
      if (name != "lock" && name != "restore.new" && !name.starts_with("before-restore-"))
        found.push_back(entry.path());
    }
    for (const auto& path :
         {database, fs::path(database.string() + "-wal"), fs::path(database.string() + "-shm"), objects}) {
      if (path.parent_path() != data && fs::exists(path)) found.push_back(path);
    }
    return found;
  }

  const fs::path data, database, objects;
};

int restore(const Options& options) {
  umask(077);
  const auto config = options.installation.load().config;
  if (!config.database.url.starts_with("sqlite:")) {
    throw Failure(
        "the database is PostgreSQL: run `pg_restore --clean --if-exists --single-transaction` on it, and put the keys "
        "and objects that were kept with the dump back into " +
        config.data.directory);
  }
  if (!config.objects.url.starts_with("file:"))
    throw Failure("objects.url is no folder; restore into a folder by ATRIUM_OBJECTS_URL=file:DATA/objects");
  if (!fs::exists(options.file)) throw Failure("there is no file " + options.file);
  const config::DataDirectory held(config.data.directory);
  const Target target(config);
  const auto before = target.occupied();
  if (!before.empty() && !options.force) {
    throw Failure(
        before.front().string() +
        " is there already; restore into an empty data directory, or give --force, which sets aside what is there");
  }
  const auto fresh = target.data / "restore.new";
  fs::remove_all(fresh);
  try {
    unpack(options.file, fresh);
  } catch (...) {
    fs::remove_all(fresh);
    throw;
  }
  const auto aside = target.data / ("before-restore-" + std::to_string(atrium::Time::now().microseconds / 1'000'000));
  for (const auto& path : before) move(path, aside / path.filename());
  fs::create_directories(fresh / "data");
  for (const auto& entry : fs::directory_iterator(fresh / "data"))
    move(entry.path(), target.data / entry.path().filename());
  move(fresh / "objects", target.objects);
  move(fresh / backup_database, target.database);
  fs::remove_all(fresh);
  sync();
  std::cout << "Restored " << options.file << " into " << target.data.string() << '.';
  if (!before.empty()) std::cout << " What was there is in " << aside.string() << ": remove it when all is well.";
  std::cout << " Start it with `atrium serve`.\n";
  return 0;
}

}  // namespace

void add_restore(CLI::App& app, Program& program) {
  auto* command = app.add_subcommand("restore", "Bring back what `atrium backup` saved, while no kernel runs");
  auto options = on_chosen<Options>(*command, program, restore);
  command->add_option("file", options->file, "What `atrium backup` made")->type_name("FILE")->required();
  command->add_flag("--force", options->force, "Also over what is there; it is set aside, not removed");
  add_installation_options(*command, options->installation);
  command->footer("Example:\n  atrium restore --data /var/lib/atrium atrium-2026-01-31.tar.zst");
}

}  // namespace kernel::cli
