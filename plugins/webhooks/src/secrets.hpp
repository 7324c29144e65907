#pragma once
// The webhooks' keys, taken from the vault when a delivery is signed and remembered for a minute.
#include "webhook.hpp"

#include <map>

namespace webhooks {

class Secrets {
 public:
  explicit Secrets(const atrium::Services& services) : services_(&services) {}

  /// Throws 503 naming what is missing when no plugin keeps secrets.
  void require_vault() const;
  atrium::Id keep(const atrium::Transaction& tx, const Webhook& webhook, const std::string& secret) const;
  void forget(const atrium::Transaction& tx, const atrium::Id& secret) const;
  /// The value of webhook-signature: by the secret, and by the former one while it is valid still.
  atrium::Async<std::string> signature(const Webhook& webhook, std::string id, std::int64_t timestamp,
                                       const std::string& body);

 private:
  struct Known {
    std::string key;
    std::chrono::steady_clock::time_point until;
  };
  atrium::Async<std::string> key(atrium::Id secret);

  const atrium::Services* services_;
  std::mutex mutex_;
  std::map<atrium::Id, Known> known_;
};

}  // namespace webhooks
