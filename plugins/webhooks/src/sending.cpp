// From the outbox to the endpoints: one coroutine for each lane that has something to send, one request at a time in
// it.
#include "webhooks.hpp"

namespace webhooks {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t excerpt = 1'024, most_read = 64 * 1'024;
// Results of successes are written together; a crash in between repeats deliveries, with the same webhook-id.
constexpr std::chrono::milliseconds written_after{100};

std::string utf8_excerpt(std::string text) {
  if (text.size() > excerpt) text.resize(excerpt);
  std::erase(text, '\0');
  return atrium::Json::parse(atrium::dump(atrium::Json(text))).get<std::string>();
}

}  // namespace

void Webhooks::wake() {
  {
    const std::lock_guard lock(mutex_);
    woken_ = true;
    if (std::exchange(distributing_, true)) return;
  }
  spawn(distribute());
}

Capacity Webhooks::capacity() {
  const std::lock_guard lock(mutex_);
  // Endpoints that fail, and may do so slowly, never take the places of those that answer.
  return {settings_.max_in_flight - healthy_ - failing_,
          std::min(settings_.max_in_flight - healthy_ - failing_, settings_.max_in_flight / 2 - failing_)};
}

atrium::Async<void> Webhooks::distribute() {
  const atrium::Principal nobody;
  for (bool more = true; more;) {
    {
      const std::lock_guard lock(mutex_);
      woken_ = false;
    }
    std::vector<Lane> claimed;
    try {
      const auto candidates = outbox_->due(capacity());
      if (!candidates.empty() && !cancellation().requested()) {
        auto committing = store().commit(
            nobody, [this, &candidates](atrium::Transaction& tx) { return outbox_->claim(tx, candidates); });
        claimed = co_await committing;
      }
    } catch (const std::exception& error) {
      host().log(atrium::Level::warning, "Lanes cannot be claimed; trying again", {{"error", error.what()}});
    }
    for (const auto& lane : claimed) {
      {
        const std::lock_guard lock(mutex_);
        ++(lane.failing ? failing_ : healthy_);
      }
      spawn(serve(lane));
    }
    const std::lock_guard lock(mutex_);
    full_ = healthy_ + failing_ >= settings_.max_in_flight || failing_ >= settings_.max_in_flight / 2;
    more = woken_ && healthy_ + failing_ < settings_.max_in_flight;
    distributing_ = more;
  }
}

void Webhooks::lane_ended(const Lane& lane) {
  bool waiting;
  {
    const std::lock_guard lock(mutex_);
    --(lane.failing ? failing_ : healthy_);
    waiting = full_;
  }
  if (waiting && !cancellation().requested()) wake();
}

atrium::Async<void> Webhooks::serve(Lane lane) {
  const atrium::Principal nobody;
  try {
    for (bool ours = true; ours;) {
      Round round = outbox_->round(lane.webhook);
      const std::vector<Outcome> outcomes = co_await send_round(std::move(round));
      const bool leave = cancellation().requested();
      auto committing = store().commit(nobody, [this, &lane, &outcomes, leave](atrium::Transaction& tx) {
        return outbox_->settle(tx, lane.webhook, outcomes, leave);
      });
      ours = co_await committing;
    }
  } catch (const std::exception& error) {  // the lane's lease runs out, and somebody takes it up again
    host().log(atrium::Level::warning, "A webhook's deliveries stopped; they go on soon",
               {{"webhook", lane.webhook.text()}, {"error", error.what()}});
  }
  lane_ended(lane);
}

atrium::Async<std::vector<Outcome>> Webhooks::send_round(Round round) {
  std::vector<Outcome> outcomes;
  const auto begun = Clock::now();
  for (const auto& delivery : round.deliveries) {
    if (cancellation().requested() || (!outcomes.empty() && Clock::now() - begun > written_after)) break;
    auto outcome = co_await attempt(round.webhook, delivery, outbox_->body(delivery));
    if (!outcome) break;
    const bool stop = !outcome->succeeded() && delivery.in_order;
    outcomes.push_back(std::move(*outcome));
    if (stop || outcomes.back().gone()) break;
  }
  co_return outcomes;
}

atrium::Async<std::optional<Outcome>> Webhooks::attempt(const Webhook& webhook, const Delivery& delivery,
                                                        std::string body) {
  Outcome outcome;
  outcome.delivery = delivery.id;
  const auto begun = Clock::now();
  std::string received;
  std::int64_t status = 0, bytes = 0;
  try {
    const std::int64_t timestamp = atrium::Time::now().microseconds / 1'000'000;
    atrium::OutRequest request{.method = "POST", .url = webhook.url};
    try {
      const std::string signature = co_await secrets_->signature(webhook, delivery.id.str(), timestamp, body);
      request.headers = {{"content-type", "application/json"},
                         {"user-agent", "Atrium-Webhooks/1"},
                         {"webhook-id", delivery.id.str()},
                         {"webhook-timestamp", std::to_string(timestamp)},
                         {"webhook-signature", signature}};
    } catch (const std::exception& error) {
      outcome.counts = false;
      throw atrium::unavailable(std::string("its secret cannot be read: ") + error.what());
    }
    request.body = std::move(body);
    request.timeout = request.idle_timeout = std::chrono::seconds(settings_.timeout_seconds);
    request.connect_timeout = std::min<std::chrono::milliseconds>(request.connect_timeout, request.timeout);
    request.max_bytes = std::int64_t{1} << 40;  // read to most_read, whatever it announces
    request.on_head = [&status](int given) { status = given; };
    request.on_data = [&](std::string_view piece) {
      if (received.size() < excerpt) received.append(piece.substr(0, excerpt - received.size()));
      return (bytes += static_cast<std::int64_t>(piece.size())) <= static_cast<std::int64_t>(most_read);
    };
    request.cancellation = cancellation();
    auto sending = fetch(std::move(request));
    const atrium::Answer answer = co_await sending;
    outcome.retry_after = retry_after(answer.header("retry-after"), atrium::Time::now());
  } catch (const atrium::Problem& problem) {
    if (cancellation().requested()) co_return std::nullopt;
    const bool read_enough = status != 0 && bytes > static_cast<std::int64_t>(most_read);
    if (!read_enough) status = 0, outcome.error = problem.what();
  }
  if (status != 0) {
    outcome.response_status = status;
    outcome.response_body = utf8_excerpt(std::move(received));
    if (status / 100 == 3)
      outcome.error = "it answered a redirect, which is not followed: give the address it leads to";
    if (status / 100 != 2 && status / 100 != 3) outcome.error = "it answered " + std::to_string(status);
    if (status != 429 && status != 503) outcome.retry_after.reset();
  }
  outcome.duration_ms = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begun).count();
  metrics().add("attempts_total", {{"result", outcome.succeeded() ? "succeeded" : "failed"}});
  co_return outcome;
}

void Webhooks::renew_leases() {
  {
    const std::lock_guard lock(mutex_);
    if (healthy_ + failing_ == 0) return;
  }
  store().transaction({}, [this](atrium::Transaction& tx) { outbox_->renew(tx); });
}

}  // namespace webhooks
