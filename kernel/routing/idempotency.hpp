#pragma once
// Idempotency-Key on POST: the same request again gets the first answer instead of being done again.
#include "auth/sealed_box.hpp"
#include "jobs/jobs.hpp"
#include "routing/idempotency_store.hpp"
#include "routing/route.hpp"

#include <functional>
#include <memory>

namespace kernel::routing {

class Idempotency {
 public:
  /// key: 32 bytes, encrypts the answers kept and tells requests apart.
  Idempotency(storage::Database& database, jobs::Jobs& jobs, std::string key);

  static bool concerns(const Route& route, const http::RequestHead& head);
  /// Decides who answers: `run` (posted to the pool) or this, with a replay, 400, 409, 422 or 503. Never waits.
  void begin(const std::shared_ptr<http::Exchange>& exchange, std::function<void()> run);

 private:
  class Keeper;
  void decided(const std::shared_ptr<http::Exchange>& exchange, const Claim& claim, const ClaimOutcome& outcome,
               const std::function<void()>& run);

  jobs::Jobs& jobs_;
  std::shared_ptr<IdempotencyStore> store_;
  std::shared_ptr<const auth::SealedBox> box_;
  std::unique_ptr<jobs::Timer> sweeper_;
};

}  // namespace kernel::routing
