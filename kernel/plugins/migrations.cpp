#include "plugins/migrations.hpp"

#include <fstream>
#include <map>
#include <stdexcept>

namespace kernel::plugins {

void apply_migrations(storage::Database& database, const std::string& owner, const std::filesystem::path& folder) {
  if (!std::filesystem::is_directory(folder)) return;
  const bool sqlite = database.dialect() == storage::Dialect::sqlite;
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
  for (const auto& [name, file] : files) {
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
