#pragma once
// The hashes of an account's former passwords.
#include "storage/database.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kernel::auth {

/// The latest first, at most `limit`. Waits.
std::vector<std::string> former_passwords(storage::Database& database, std::string_view user_id, std::int64_t limit);
/// Adds the hash that is being replaced and forgets all but the latest `keep`.
void remember_password(storage::Transaction& transaction, std::string_view user_id, std::string_view hash,
                       std::int64_t keep);
void forget_passwords(storage::Transaction& transaction, std::string_view user_id);

}  // namespace kernel::auth
