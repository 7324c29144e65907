#include "cli/options.hpp"
#include "cli/program.hpp"
#include "cli/store.hpp"
#include "config/data_directory.hpp"
#include "plugins/manifest.hpp"
#include "plugins/migrations.hpp"

#include <CLI/CLI.hpp>

#include <iostream>
#include <set>

namespace kernel::cli {
namespace {

struct Options {
  InstallationOptions installation;
};

int migrate(const Options& options) {
  const auto config = options.installation.load().config;
  const config::DataDirectory held(config.data.directory);
  // Opening the database brings the kernel's own tables up to date.
  Store store(config);
  std::set<std::filesystem::path> folders;
  if (std::filesystem::is_directory(config.plugins.directory)) {
    for (const auto& entry : std::filesystem::directory_iterator(config.plugins.directory)) {
      if (std::filesystem::exists(entry.path() / "plugin.json")) folders.insert(entry.path());
    }
  }
  for (const auto& folder : folders) {
    const auto manifest = plugins::Manifest::read(folder);
    store.database->grant({manifest.id, manifest.tables});
    plugins::apply_migrations(*store.database, manifest.id, folder / "migrations");
  }
  std::cout << "The database is up to date, with the tables of " << folders.size() << " plugins.\n";
  return 0;
}

}  // namespace

void add_migrate(CLI::App& app, Program& program) {
  auto* command = app.add_subcommand("migrate", "Bring the database up to date while no kernel runs");
  auto options = on_chosen<Options>(*command, program, migrate);
  add_installation_options(*command, options->installation);
  command->footer("Example:\n  atrium migrate --data /var/lib/atrium");
}

}  // namespace kernel::cli
