#pragma once
#include "storage/database.hpp"

#include <string>

namespace kernel::auth {

/// Bearer tokens for principals that plugins own (kind "worker", ...): random, shown once, stored as a hash.
class TokenIssuer {
 public:
  virtual ~TokenIssuer() = default;
  /// Inside the caller's transaction; works from its commit on.
  virtual std::string issue(storage::Transaction& transaction, const std::string& kind, const std::string& id) = 0;
  virtual void revoke(storage::Transaction& transaction, const std::string& kind, const std::string& id) = 0;
};

}  // namespace kernel::auth
