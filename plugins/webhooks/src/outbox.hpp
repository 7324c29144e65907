#pragma once
// The deliveries in the database: recorded with what they send, claimed lane by lane, settled after each attempt.
#include "schedule.hpp"
#include "webhook.hpp"

#include <span>

namespace webhooks {

/// The table [plugin.webhooks] of the configuration.
struct Settings {
  std::vector<std::int64_t> retry_seconds{5, 300, 1'800, 7'200, 18'000, 36'000, 23'400};
  std::int64_t ordered_tries = 3, timeout_seconds = 15, max_in_flight = 256, max_backlog = 10'000, log_days = 30,
               log_rows = 10'000, max_per_owner = 2'000;

  static constexpr auto members =
      atrium::members(atrium::member("retry_seconds", &Settings::retry_seconds).items(1, 50),
                      atrium::member("ordered_tries", &Settings::ordered_tries).range(1, 50),
                      atrium::member("timeout_seconds", &Settings::timeout_seconds).range(1, 60),
                      atrium::member("max_in_flight", &Settings::max_in_flight).range(2, 2'000),
                      atrium::member("max_backlog", &Settings::max_backlog).range(1, 1'000'000),
                      atrium::member("log_days", &Settings::log_days).range(1, 3'650),
                      atrium::member("log_rows", &Settings::log_rows).range(1, 1'000'000),
                      atrium::member("max_per_owner", &Settings::max_per_owner).range(1, 100'000));
};

/// One attempt's result.
struct Outcome {
  atrium::Id delivery;
  std::optional<std::int64_t> response_status;
  std::optional<std::string> response_body, error;
  std::int64_t duration_ms = 0;
  std::optional<std::chrono::seconds> retry_after;
  bool counts = true;  ///< false: nothing was sent, for a reason of this side

  bool succeeded() const { return response_status && *response_status / 100 == 2; }
  bool gone() const { return response_status == 410; }
};

/// What one round of a lane sends: first what is retried on its own, then the next in order.
struct Round {
  Webhook webhook;
  std::vector<Delivery> deliveries;
};

struct Capacity {
  std::int64_t healthy = 0, failing = 0;  ///< lanes to claim whose last attempt succeeded, and others
};
struct Lane {
  atrium::Id webhook;
  bool failing = false;
};

/// Functions that take a Transaction belong into one; each leaves deliveries, lanes, audit rows and events in
/// agreement.
class Outbox {
 public:
  static constexpr std::chrono::seconds lease_time{6};

  Outbox(const atrium::Store& store, const Settings& settings)
      : store_(&store), settings_(&settings), schedule_(settings.retry_seconds) {}

  /// This process: a lane is leased to one of them.
  const std::string& node() const { return node_; }

  /// A delivery of this message for each of these webhooks that is active still; none twice.
  void record(atrium::Transaction& tx, std::string_view message, std::string_view type, std::string_view body,
              std::int64_t position, std::span<const atrium::Id> webhooks) const;
  void record_test(atrium::Transaction& tx, Delivery& delivery, std::string_view body) const;
  void replay(atrium::Transaction& tx, Delivery& delivery) const;

  void open_lane(atrium::Transaction& tx, const atrium::Id& webhook) const;
  /// What waits is sent now: the webhook became active, or leads elsewhere.
  void restart_lane(atrium::Transaction& tx, const atrium::Id& webhook) const;
  void close_lane(atrium::Transaction& tx, const atrium::Id& webhook) const;
  /// Makes it inactive for a reason that its owner is told.
  void disable(atrium::Transaction& tx, Webhook webhook, std::string reason) const;

  /// Lanes that have something to send and that nobody holds.
  std::vector<Lane> due(const Capacity& capacity) const;
  /// Those of them that are this node's from now on.
  std::vector<Lane> claim(atrium::Transaction& tx, const std::vector<Lane>& candidates) const;
  void renew(atrium::Transaction& tx) const;
  Round round(const atrium::Id& webhook) const;
  std::string body(const Delivery& delivery) const;
  /// Writes what came of a round. True: the lane stays ours, there is more to send now. `leave`: it is given back.
  bool settle(atrium::Transaction& tx, const atrium::Id& webhook, const std::vector<Outcome>& outcomes,
              bool leave) const;

 private:
  void settle_one(atrium::Transaction& tx, const Webhook& webhook, const Outcome& outcome) const;

  const atrium::Store* store_;
  const Settings* settings_;
  Schedule schedule_;
  std::string node_ = atrium::Id::make().str();
};

}  // namespace webhooks
