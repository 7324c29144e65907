#include "webhooks.hpp"

#include <sodium.h>

namespace webhooks {
namespace {

constexpr std::size_t recorded_at_once = 200;  // webhooks in one transaction

bool is_account_topic(std::string_view topic) { return topic == "user.updated" || topic == "user.deleted"; }

/// {"type", "timestamp", "data"}
std::string body_of(const atrium::Event& event) {
  std::string body = R"({"type":)";
  atrium::write_json_string(body, event.topic);
  body.append(R"(,"timestamp":)");
  atrium::write_json_string(body, event.time.text());
  return body.append(R"(,"data":)").append(event.data.empty() ? "null" : event.data).append("}");
}

}  // namespace

void Webhooks::start() {
  if (sodium_init() < 0) throw std::runtime_error("libsodium cannot be initialised");
  settings_ = atrium::from_json<Settings>(configuration());
  outbox_.emplace(store(), settings_);
  housekeeping_.emplace(store(), *outbox_, settings_);
  secrets_.emplace(services());
  declare_webhooks();
  declare_deliveries();
  on_every_event("deliveries", "*", [this](const atrium::Event& event) { on_event(event); });
  every(std::chrono::seconds(1), [this] { wake(); });
  every(Outbox::lease_time / 3, [this] { renew_leases(); });
  every(std::chrono::minutes(1), [this] {
    end_former_secrets();
    housekeeping_->disable_the_stuck();
  });
  every(std::chrono::minutes(10), [this] { housekeeping_->trim(); });
}

/// Every change of a webhook is an event itself, so whoever follows the log without a gap knows which are active. After
/// a gap (another node had the subscription meanwhile) it looks again.
void Webhooks::on_event(const atrium::Event& event) {
  if (event.sequence != last_sequence_ + 1 || is_own_topic(event.topic)) known_ = false;
  last_sequence_ = event.sequence;
  if (is_own_topic(event.topic)) return;
  if (is_account_topic(event.topic)) owner_changed(event);
  if (!known_) know_interests();
  std::vector<atrium::Id> interested;
  for (const auto& interest : interests_) {
    if (!event.owner.empty() && event.owner != interest.owner) continue;
    if (std::any_of(interest.patterns.begin(), interest.patterns.end(),
                    [&](const auto& pattern) { return matches(pattern, event.topic); }))
      interested.push_back(interest.webhook);
  }
  if (interested.empty()) return;
  const std::string body = body_of(event), message = std::to_string(event.sequence);
  for (std::span<const atrium::Id> rest = interested; !rest.empty();) {
    const auto some = rest.first(std::min(rest.size(), recorded_at_once));
    rest = rest.subspan(some.size());
    store().transaction(
        {}, [&](atrium::Transaction& tx) { outbox_->record(tx, message, event.topic, body, event.sequence, some); });
    wake();
  }
}

void Webhooks::know_interests() {
  interests_.clear();
  for (auto& webhook : store().find<Webhook>("is_active"))
    interests_.push_back({webhook.id, webhook.owner_id.str(), std::move(webhook.events)});
  known_ = true;
}

/// Nothing leaves in the name of an account that may not sign in any more.
void Webhooks::owner_changed(const atrium::Event& event) {
  const auto user = event.json();
  if (event.topic == "user.updated" && user.value("status", "") == "active") return;
  store().transaction({}, [&](atrium::Transaction& tx) {
    for (auto& webhook : tx.find<Webhook>("owner_id = ? AND is_active", event.resource_id))
      outbox_->disable(tx, std::move(webhook), "The account of its owner is not active.");
  });
  known_ = false;
}

}  // namespace webhooks

ATRIUM_PLUGIN(webhooks::Webhooks)
