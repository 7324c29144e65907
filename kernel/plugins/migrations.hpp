#pragma once
#include "storage/database.hpp"

#include <filesystem>
#include <string>

namespace kernel::plugins {

/// Applies folder/*.sql in the order of their names. NAME.sqlite.sql and NAME.postgresql.sql take the place of NAME.sql
/// for their dialect. Throws std::runtime_error naming the file.
void apply_migrations(storage::Database& database, const std::string& owner, const std::filesystem::path& folder);

}  // namespace kernel::plugins
