#include "outbox.hpp"

namespace webhooks {
namespace {

using atrium::Id;
using atrium::Row;
using atrium::Time;
using atrium::Transaction;

constexpr int round_in_order = 64, round_aside = 4;

/// The lane has something to send from now on; one that is held by a failing delivery stays held.
constexpr std::string_view wake_sql =
    "UPDATE webhook_lanes SET due_at = CASE WHEN held_until > ? THEN due_at WHEN due_at IS NULL OR due_at > ? THEN ? "
    "ELSE due_at END WHERE webhook_id = ? AND EXISTS (SELECT 1 FROM webhooks WHERE id = ? AND is_active)";

}  // namespace

void Outbox::record(Transaction& tx, std::string_view message, std::string_view type, std::string_view body,
                    std::int64_t position, std::span<const Id> webhooks) const {
  const auto now = Time::now();
  tx.exec("INSERT INTO webhook_messages (id, body, created_at) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING", message,
          body, now);
  for (const auto& webhook : webhooks) {
    if (tx.exec(wake_sql, now, now, now, webhook, webhook) == 0) continue;
    tx.exec(
        "INSERT INTO webhook_deliveries (id, webhook_id, message_id, type, status, attempts, next_attempt_at, "
        "created_at, updated_at, tries, in_order, position) VALUES (?, ?, ?, ?, 'pending', 0, ?, ?, ?, 0, TRUE, ?) "
        "ON CONFLICT (webhook_id, message_id) DO NOTHING",
        Id::make(), webhook, message, type, now, now, now, position);
  }
}

void Outbox::record_test(Transaction& tx, Delivery& delivery, std::string_view body) const {
  tx.exec("INSERT INTO webhook_messages (id, body, created_at) VALUES (?, ?, ?)", delivery.message_id, body,
          Time::now());
  tx.insert(delivery);
  tx.audit("webhook.tested", "webhook", delivery.webhook_id.text());
}

void Outbox::replay(Transaction& tx, Delivery& delivery) const {
  const auto now = Time::now();
  delivery.next_attempt_at = now;
  if (delivery.status != Status::pending) {
    delivery.status = Status::pending;
    delivery.tries = 0;
    delivery.in_order = false;
  }
  tx.update(delivery);
  // Whatever holds the lane: this one is asked for by a person.
  tx.exec("UPDATE webhook_lanes SET due_at = ?, held_until = 0 WHERE webhook_id = ?", now, delivery.webhook_id);
  tx.audit("webhook.replayed", "webhook_delivery", delivery.id.text());
}

/// It counts as one that fails until its first success: new ones that are dead take no places of those that answer.
void Outbox::open_lane(Transaction& tx, const Id& webhook) const {
  tx.exec("INSERT INTO webhook_lanes (webhook_id, held_until, failures, lease_until) VALUES (?, 0, 1, 0)", webhook);
}

void Outbox::restart_lane(Transaction& tx, const Id& webhook) const {
  const auto now = Time::now();
  tx.exec("UPDATE webhook_lanes SET due_at = ?, held_until = 0, failures = 1 WHERE webhook_id = ?", now, webhook);
  tx.exec(
      "UPDATE webhook_deliveries SET tries = 0, next_attempt_at = ?, updated_at = ? WHERE webhook_id = ? AND status = "
      "'pending'",
      now, now, webhook);
}

void Outbox::close_lane(Transaction& tx, const Id& webhook) const {
  tx.exec("DELETE FROM webhook_lanes WHERE webhook_id = ?", webhook);
}

void Outbox::disable(Transaction& tx, Webhook webhook, std::string reason) const {
  webhook.is_active = false;
  webhook.disabled_reason = std::move(reason);
  tx.update(webhook);
  tx.publish("webhook.disabled", webhook);
}

std::vector<Lane> Outbox::due(const Capacity& capacity) const {
  const auto now = Time::now();
  std::vector<Lane> lanes;
  const auto add = [&](bool failing, std::int64_t most) {
    if (most <= 0) return;
    std::string sql = "SELECT webhook_id FROM webhook_lanes WHERE due_at <= ? AND lease_until < ? AND failures ";
    sql += failing ? "> 0" : "= 0";
    for (const auto& id : store_->values<std::string>(sql += " ORDER BY due_at LIMIT ?", now, now, most))
      lanes.push_back({*Id::parse(id), failing});
  };
  add(false, capacity.healthy);
  add(true, capacity.failing);
  return lanes;
}

std::vector<Lane> Outbox::claim(Transaction& tx, const std::vector<Lane>& candidates) const {
  const auto now = Time::now();
  std::vector<Lane> claimed;
  for (const auto& lane : candidates)
    if (tx.exec("UPDATE webhook_lanes SET lease = ?, lease_until = ? WHERE webhook_id = ? AND lease_until < ?", node_,
                now + lease_time, lane.webhook, now) == 1)
      claimed.push_back(lane);
  return claimed;
}

void Outbox::renew(Transaction& tx) const {
  tx.exec("UPDATE webhook_lanes SET lease_until = ? WHERE lease = ?", Time::now() + lease_time, node_);
}

Round Outbox::round(const Id& webhook) const {
  Round round;
  const auto found = store_->find<Webhook>("id = ? AND is_active", webhook);
  if (found.empty()) return round;
  round.webhook = found.front();
  const auto now = Time::now();
  round.deliveries = store_->find<Delivery>(
      "webhook_id = ? AND status = 'pending' AND NOT in_order AND next_attempt_at <= ? ORDER BY next_attempt_at LIMIT "
      "?",
      webhook, now, round_aside);
  for (auto& next : store_->find<Delivery>(
           "webhook_id = ? AND status = 'pending' AND in_order ORDER BY position LIMIT ?", webhook, round_in_order)) {
    if (next.next_attempt_at > now) break;
    round.deliveries.push_back(std::move(next));
  }
  return round;
}

std::string Outbox::body(const Delivery& delivery) const {
  return store_->value<std::string>("SELECT body FROM webhook_messages WHERE id = ?", delivery.message_id).value_or("");
}

bool Outbox::settle(Transaction& tx, const Id& webhook, const std::vector<Outcome>& outcomes, bool leave) const {
  const auto now = Time::now();
  // Holds the lane's row: a delivery that is being recorded now is seen below, or wakes the lane after this.
  if (tx.exec("UPDATE webhook_lanes SET lease_until = ? WHERE webhook_id = ? AND lease = ?", now + lease_time, webhook,
              node_) == 0)
    return false;
  const auto found = tx.find<Webhook>("id = ?", webhook);
  std::int64_t failures =
      tx.value<std::int64_t>("SELECT failures FROM webhook_lanes WHERE webhook_id = ?", webhook).value_or(0);
  bool active = !found.empty() && found.front().is_active;
  for (const auto& outcome : outcomes) {
    if (!found.empty()) settle_one(tx, found.front(), outcome);
    failures = outcome.succeeded() ? 0 : failures + 1;
    if (!outcome.gone() || !active) continue;
    disable(tx, found.front(), "Its endpoint answered 410 Gone.");
    active = false;
  }
  const auto head = tx.value<Time>(
      "SELECT next_attempt_at FROM webhook_deliveries WHERE webhook_id = ? AND status = 'pending' AND in_order "
      "ORDER BY position LIMIT 1",
      webhook);
  const auto aside = tx.value<Time>(
      "SELECT next_attempt_at FROM webhook_deliveries WHERE webhook_id = ? AND status = 'pending' AND NOT in_order "
      "ORDER BY next_attempt_at LIMIT 1",
      webhook);
  std::optional<Time> due;
  if (active) due = head && aside ? std::min(*head, *aside) : head ? head : aside;
  if (due && *due <= now && !leave) {
    tx.exec("UPDATE webhook_lanes SET failures = ? WHERE webhook_id = ?", failures, webhook);
    return true;
  }
  tx.exec(
      "UPDATE webhook_lanes SET lease = NULL, lease_until = 0, due_at = ?, held_until = ?, failures = ? WHERE "
      "webhook_id = ?",
      due, due && head && *head > now ? *due : Time{}, failures, webhook);
  return false;
}

void Outbox::settle_one(Transaction& tx, const Webhook& webhook, const Outcome& outcome) const {
  auto found = tx.find<Delivery>("id = ? AND status = 'pending'", outcome.delivery);
  if (found.empty()) return;
  auto& delivery = found.front();
  const auto now = Time::now();
  delivery.error = outcome.error;
  if (!outcome.counts) {
    delivery.next_attempt_at = now + std::chrono::minutes(1);
    return tx.update(delivery);
  }
  ++delivery.attempts;
  ++delivery.tries;
  delivery.response_status = outcome.response_status;
  delivery.response_body = outcome.response_body;
  delivery.duration_ms = outcome.duration_ms;
  const auto pause = schedule_.pause(delivery.tries, outcome.retry_after);
  if (outcome.succeeded() || outcome.gone() || !pause) {
    delivery.status = outcome.succeeded() ? Status::succeeded : Status::failed;
    delivery.next_attempt_at.reset();
  } else {
    delivery.next_attempt_at = now + *pause;
    delivery.in_order = delivery.in_order && delivery.tries < settings_->ordered_tries;
  }
  tx.update(delivery);
  if (delivery.status == Status::failed)
    tx.publish("webhook.delivery_failed", Delivery::event, delivery.id.text(), atrium::to_json(delivery),
               webhook.owner_id.text());
}

}  // namespace webhooks
