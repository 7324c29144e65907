#pragma once
#include "storage/statements.hpp"

namespace kernel::auth {

using storage::exec, storage::find_one, storage::in_transaction, storage::integer_at, storage::load, storage::query,
    storage::sql_owner, storage::text_at, storage::truth_at;

}  // namespace kernel::auth
