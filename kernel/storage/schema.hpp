#pragma once
// The kernel's own tables.
#include "storage/database.hpp"

#include <string>
#include <vector>

namespace kernel::storage {

struct Migration {
  std::string name, sql;
};
/// In the order in which they are applied. A released one is never changed; a new one is added.
std::vector<Migration> kernel_migrations(Dialect dialect);

}  // namespace kernel::storage
