#pragma once
#include "auth/lookaside_cache.hpp"
#include "auth/token_issuer.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace kernel::auth {

inline constexpr std::string_view token_revoked_topic = "token.revoked";

struct IssuedToken {
  std::string hash, kind, id;
};

/// Tokens of plugins' own principals. A revocation holds from its commit on, here and (through the event
/// "token.revoked") on every other node.
class IssuedTokens final : public TokenIssuer {
 public:
  explicit IssuedTokens(storage::Database& database, std::size_t in_memory = 20'000);

  std::string issue(storage::Transaction& transaction, const std::string& kind, const std::string& id) override;
  void revoke(storage::Transaction& transaction, const std::string& kind, const std::string& id) override;

  using Pointer = std::shared_ptr<IssuedToken>;
  /// [any thread] Only memory.
  Pointer find_in_memory(std::string_view hash) const { return cache_.find(hash); }
  /// Memory, then the database.
  Pointer find(std::string_view hash);
  /// [any thread] A revocation that was committed elsewhere.
  void forget(std::string_view kind, std::string_view id);

 private:
  storage::Database& database_;
  LookasideCache<IssuedToken> cache_;
};

}  // namespace kernel::auth
