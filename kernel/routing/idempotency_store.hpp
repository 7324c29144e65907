#pragma once
// Who has used which Idempotency-Key, and what was answered: the table `idempotency`.
#include "storage/database.hpp"

#include <chrono>
#include <functional>
#include <string>

namespace kernel::routing {

/// A request that carries a key. Every text but the request id is a hash or an id of ours.
struct Claim {
  std::string principal, key, fingerprint, request_id;
  storage::Actor actor;
};

struct ClaimOutcome {
  enum class Kind : std::uint8_t {
    run,       ///< the claim is ours: do it
    replay,    ///< answered before: `answer` is what was kept
    mismatch,  ///< the key was used for another request
    busy,      ///< the first request still runs, here or on another node
    lost,      ///< it was done, but its answer was not kept; `resource` is what it made or changed, if known
    failed     ///< the database refused
  };
  Kind kind = Kind::failed;
  std::string answer, resource;
};

/// A claim is a row of its own, written before the handler runs. Whether a claim whose process died was carried out is
/// read from the audit log: a change leaves its audit row, which names the request, in the change's own transaction.
class IdempotencyStore {
 public:
  explicit IdempotencyStore(storage::Database& database);

  static constexpr std::chrono::hours kept{24};
  /// How long a claim of another, possibly living node is waited for. Longer than any handler may take.
  static constexpr std::chrono::minutes patience{5};

  /// Neither function waits; the callbacks come on the committing thread and must not wait.
  void claim(Claim claim, std::function<void(ClaimOutcome)> done);
  /// Keeps the answer (empty: none could be kept).
  void answered(Claim claim, std::string answer, std::function<void()> done);
  /// It failed: frees the key, unless something was changed all the same.
  void failed(Claim claim, std::function<void()> done);
  /// Removes up to `limit` claims older than `kept`. True: there may be more. Waits; throws storage::SqlError.
  bool sweep(std::int64_t limit);

 private:
  storage::Database& database_;
  const std::string node_;
};

}  // namespace kernel::routing
