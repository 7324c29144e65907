#include "secrets.hpp"

#include "signature.hpp"

#include <atrium/vault.hpp>

namespace webhooks {
namespace {

constexpr std::chrono::minutes remembered{1};
constexpr std::size_t most_remembered = 4'096;

}  // namespace

void Secrets::require_vault() const {
  if (!services_->has(atrium::vault::service))
    throw atrium::unavailable(
        "A webhook's secret is kept by the service secrets/vault, which nobody provides: install and enable the plugin "
        "secrets.");
}

atrium::Id Secrets::keep(const atrium::Transaction& tx, const Webhook& webhook, const std::string& secret) const {
  require_vault();
  return atrium::vault::keep(tx, "webhook " + webhook.id.str(), secret);
}

void Secrets::forget(const atrium::Transaction& tx, const atrium::Id& secret) const {
  if (services_->has(atrium::vault::service)) atrium::vault::forget(tx, secret);
}

atrium::Async<std::string> Secrets::signature(const Webhook& webhook, std::string id, std::int64_t timestamp,
                                              const std::string& body) {
  const std::string now_valid = co_await key(webhook.secret_id);
  std::string signature = sign(now_valid, id, timestamp, body);
  const bool two = webhook.previous_secret_id && webhook.previous_secret_expires_at > atrium::Time::now();
  if (!two) co_return signature;
  const std::string former = co_await key(*webhook.previous_secret_id);
  co_return signature + " " + sign(former, id, timestamp, body);
}

atrium::Async<std::string> Secrets::key(atrium::Id secret) {
  const auto now = std::chrono::steady_clock::now();
  {
    const std::lock_guard lock(mutex_);
    const auto found = known_.find(secret);
    if (found != known_.end() && found->second.until > now) co_return found->second.key;
  }
  const atrium::VaultValue taken = co_await atrium::vault::take(*services_, secret.str());
  auto key = key_of(taken.value);
  if (!key) throw atrium::conflict("The vault's secret of this webhook is not one of a webhook.");
  const std::lock_guard lock(mutex_);
  if (known_.size() >= most_remembered) known_.clear();
  known_[secret] = {*key, now + remembered};
  co_return *key;
}

}  // namespace webhooks
