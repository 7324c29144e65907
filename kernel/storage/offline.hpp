#pragma once
// A database as a command looks at it beside or without a kernel: nothing is migrated, nothing is written.
#include <optional>
#include <set>
#include <string>
#include <utility>

namespace kernel::storage {

/// Which migrations have been run, as (owner, name); empty where Atrium never was. None: there is no such SQLite file.
/// Throws SqlError when the database cannot be reached.
std::optional<std::set<std::pair<std::string, std::string>>> applied_migrations(const std::string& url);

/// A consistent copy of a "sqlite:PATH" database, also while a kernel serves from it; see Database::backup_to.
void copy_sqlite(const std::string& url, const std::string& file);

}  // namespace kernel::storage
