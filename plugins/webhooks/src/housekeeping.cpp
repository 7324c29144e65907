#include "housekeeping.hpp"

namespace webhooks {
namespace {

using atrium::Time;

constexpr int step = 500, most_steps = 200;

}  // namespace

void Housekeeping::disable_the_stuck() const {
  const auto stuck = store_->values<std::string>(
      "SELECT webhook_id FROM webhook_deliveries WHERE status = 'pending' AND in_order "
      "GROUP BY webhook_id HAVING count(*) > ? LIMIT ?",
      settings_->max_backlog, step);
  for (const auto& id : stuck)
    store_->transaction({}, [&](atrium::Transaction& tx) {
      for (const auto& webhook : tx.find<Webhook>("id = ? AND is_active", id))
        outbox_->disable(tx, webhook,
                         "More than " + std::to_string(settings_->max_backlog) + " deliveries wait for its endpoint.");
    });
}

void Housekeeping::trim() const {
  for (const auto& forget : {&Housekeeping::forget_orphans, &Housekeeping::forget_old, &Housekeeping::forget_excess,
                             &Housekeeping::forget_messages})
    for (int i = 0; i < most_steps && (this->*forget)(); ++i) {
    }
}

bool Housekeeping::forget_orphans() const {
  const auto ids = store_->values<std::string>(
      "SELECT id FROM webhook_deliveries d WHERE NOT EXISTS (SELECT 1 FROM webhooks w WHERE w.id = "
      "d.webhook_id) LIMIT ?",
      step);
  return remove("DELETE FROM webhook_deliveries WHERE id = ?", ids) == step;
}

bool Housekeeping::forget_old() const {
  const auto ids = store_->values<std::string>("SELECT id FROM webhook_deliveries WHERE created_at < ? LIMIT ?",
                                               Time::now() - std::chrono::days(settings_->log_days), step);
  return remove("DELETE FROM webhook_deliveries WHERE id = ?", ids) == step;
}

bool Housekeeping::forget_excess() const {
  bool more = false;
  for (const auto& webhook : store_->values<std::string>(
           "SELECT webhook_id FROM webhook_deliveries GROUP BY webhook_id HAVING count(*) > ? LIMIT ?",
           settings_->log_rows, step)) {
    const auto excess =
        store_->value<std::int64_t>("SELECT count(*) FROM webhook_deliveries WHERE webhook_id = ?", webhook)
            .value_or(0) -
        settings_->log_rows;
    const auto ids = store_->values<std::string>(
        "SELECT id FROM webhook_deliveries WHERE webhook_id = ? AND status <> 'pending' ORDER BY id LIMIT ?", webhook,
        std::min<std::int64_t>(excess, step));
    more = remove("DELETE FROM webhook_deliveries WHERE id = ? AND status <> 'pending'", ids) == step || more;
  }
  return more;
}

bool Housekeeping::forget_messages() const {
  const auto ids = store_->values<std::string>(
      "SELECT id FROM webhook_messages m WHERE created_at < ? AND NOT EXISTS (SELECT 1 FROM "
      "webhook_deliveries d WHERE d.message_id = m.id) LIMIT ?",
      Time::now() - std::chrono::days(1), step);
  return remove(
             "DELETE FROM webhook_messages WHERE id = ? AND NOT EXISTS (SELECT 1 FROM webhook_deliveries d WHERE "
             "d.message_id = webhook_messages.id)",
             ids) == step;
}

std::size_t Housekeeping::remove(std::string_view sql, const std::vector<std::string>& ids) const {
  if (ids.empty()) return 0;
  store_->transaction({}, [&](atrium::Transaction& tx) {
    for (const auto& id : ids) tx.exec(sql, id);
  });
  return ids.size();
}

}  // namespace webhooks
