#pragma once
// Which migration files a database has seen.
#include "storage/session.hpp"

#include <string>

namespace kernel::storage {

/// Makes the table that remembers; needed once before anything else.
void prepare_migrations(Session& session, Dialect dialect);
/// Runs the file in one transaction with its bookkeeping, unless it has been run; nodes that start together wait for
/// one another. Throws ATRIUM_E_CONFLICT when the file is not what was run under its name.
void apply_migration(Session& session, Dialect dialect, std::string_view owner, const std::string& name,
                     const std::string& sql);

}  // namespace kernel::storage
