#pragma once
#include "storage/database.hpp"

#include <filesystem>
#include <map>
#include <string>

namespace kernel::plugins {

/// The files of folder/*.sql by their names, in the order in which they are applied. NAME.sqlite.sql and
/// NAME.postgresql.sql take the place of NAME.sql for their dialect.
std::map<std::string, std::filesystem::path> migration_files(const std::filesystem::path& folder,
                                                             storage::Dialect dialect);

/// Applies them. Throws std::runtime_error naming the file.
void apply_migrations(storage::Database& database, const std::string& owner, const std::filesystem::path& folder);

}  // namespace kernel::plugins
