#include "plugins/migrations.hpp"

#include <fstream>
#include <stdexcept>

namespace kernel::plugins {

std::map<std::string, std::filesystem::path> migration_files(const std::filesystem::path& folder,
                                                             storage::Dialect dialect) {
  if (!std::filesystem::is_directory(folder)) return {};
  const bool sqlite = dialect == storage::Dialect::sqlite;
  const std::string own = sqlite ? ".sqlite" : ".postgresql", other = sqlite ? ".postgresql" : ".sqlite";
  std::map<std::string, std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".sql") continue;
    const auto stem = entry.path().stem();
    if (stem.extension() == other) continue;
    if (stem.extension() == own) {
      files[stem.stem().string()] = entry.path();
    } else {
      files.emplace(stem.string(), entry.path());
    }
  }
  return files;
}

void apply_migrations(storage::Database& database, const std::string& owner, const std::filesystem::path& folder) {
  for (const auto& [name, file] : migration_files(folder, database.dialect())) {
    std::ifstream stream(file, std::ios::binary);
    const std::string sql{std::istreambuf_iterator<char>(stream), {}};
    if (!stream) throw std::runtime_error("migration " + file.filename().string() + " cannot be read");
    try {
      database.migrate(owner, name, sql);
    } catch (const std::exception& fault) {
      throw std::runtime_error("migration " + file.filename().string() + ": " + fault.what());
    }
  }
}

}  // namespace kernel::plugins
