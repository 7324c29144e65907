#pragma once
#include "storage/session.hpp"

#include <string>

namespace kernel::storage {

/// A consistent copy of the session's database, complete or not there at all: written beside `file`, then renamed.
void backup_sqlite(Session& session, const std::string& file);

}  // namespace kernel::storage
