// The requests: webhooks, their secrets, their log.
#include "signature.hpp"
#include "webhooks.hpp"

namespace webhooks {
namespace {

using atrium::Json;
using atrium::Reply;
using atrium::Request;
using atrium::schema;
using atrium::Transaction;

constexpr std::string_view tag = "Webhooks";

struct Rotation {
  std::string secret;
  std::int64_t overlap_seconds = 86'400;

  static constexpr auto members = atrium::members(
      atrium::member("secret", &Rotation::secret).length(0, 200).description("The new one; made if absent"),
      atrium::member("overlap_seconds", &Rotation::overlap_seconds)
          .range(0, 7 * 86'400)
          .description("How long the former one signs too"));
};

struct TestResult {
  bool ok = false;
  std::optional<std::int64_t> response_status;
  std::optional<std::string> response_body, error;
  std::int64_t duration_ms = 0;
  atrium::Id delivery_id;

  static constexpr auto members = atrium::members(
      atrium::member("ok", &TestResult::ok), atrium::member("response_status", &TestResult::response_status),
      atrium::member("response_body", &TestResult::response_body), atrium::member("error", &TestResult::error),
      atrium::member("duration_ms", &TestResult::duration_ms),
      atrium::member("delivery_id", &TestResult::delivery_id).description("Its row in the log"));
};

/// The secret given, or a new one where it is empty; 422 where it is none.
std::string secret_from(std::string given) {
  if (given.empty()) return make_secret();
  if (!key_of(given)) throw atrium::invalid("/secret", "must be whsec_ and 24 to 64 bytes in base64");
  return given;
}

}  // namespace

void Webhooks::check_url(const Webhook& webhook, std::vector<atrium::Fault>& faults) const {
  if (webhook.url.empty()) return;  // its length is a fault already
  if (const auto fault = atrium::url_fault(host(), webhook.url)) faults.push_back({"/url", *fault});
}

void Webhooks::declare_webhooks() {
  auto webhooks = resource<Webhook>("/webhooks", std::string(tag));
  webhooks.list().filter("is_active");
  webhooks.read();
  webhooks.create()
      .check([this](const Request&, Webhook& now, const Webhook*, std::vector<atrium::Fault>& faults) {
        secrets_->require_vault();
        check_url(now, faults);
        if (!now.secret.empty() && !key_of(now.secret))
          faults.push_back({"/secret", "must be whsec_ and 24 to 64 bytes in base64"});
      })
      .before([this](Transaction& tx, const atrium::Principal&, Webhook& now, const Webhook*) {
        const auto count = tx.value<std::int64_t>("SELECT count(*) FROM webhooks WHERE owner_id = ?", now.owner_id);
        if (count >= settings_.max_per_owner)
          throw atrium::conflict("One account has at most " + std::to_string(settings_.max_per_owner) + " webhooks.");
        now.id = atrium::Id::make();
        now.secret = secret_from(std::move(now.secret));
        now.secret_id = secrets_->keep(tx, now, now.secret);
        outbox_->open_lane(tx, now.id);
      });
  for (auto* change : {&webhooks.replace(), &webhooks.update()})
    change
        ->check([this](const Request&, Webhook& now, const Webhook* before, std::vector<atrium::Fault>& faults) {
          if (now.url != before->url) check_url(now, faults);
          if (!now.secret.empty()) faults.push_back({"/secret", "is changed by POST /webhooks/{id}/rotate-secret"});
        })
        .before([](Transaction&, const atrium::Principal&, Webhook& now, const Webhook*) {
          if (now.is_active) now.disabled_reason.reset();
        })
        .after([this](Transaction& tx, const atrium::Principal&, Webhook& now, const Webhook* before) {
          if (now.is_active && (!before->is_active || now.url != before->url)) outbox_->restart_lane(tx, now.id);
        });
  webhooks.remove().before([this](Transaction& tx, const atrium::Principal&, Webhook& gone, const Webhook*) {
    secrets_->forget(tx, gone.secret_id);
    if (gone.previous_secret_id) secrets_->forget(tx, *gone.previous_secret_id);
    outbox_->close_lane(tx, gone.id);
  });
  post("/webhooks/{id}/test",
       {.summary = "Send a test payload to a webhook",
        .description = "One attempt, now, of an event webhook.test; also while the webhook is inactive.",
        .answer = schema<TestResult>(),
        .tag = tag},
       [this](Request& request) { return test(request); });
  post("/webhooks/{id}/rotate-secret",
       {.summary = "Give a webhook a new secret",
        .description = "The new secret is shown this once. Until the overlap ends, deliveries carry two signatures.",
        .body = schema<Rotation>(true),
        .body_required = false,
        .answer = schema<Webhook>(false, atrium::Showing::made),
        .tag = tag},
       [this](Request& request) { return rotate(request); });
}

void Webhooks::declare_deliveries() {
  resource<Delivery>("/webhooks/{id}/deliveries", std::string(tag))
      .list()
      .narrow([this](const Request& request, atrium::Parameters& parameters) -> std::string {
        parameters.own_text(store().get<Webhook>(request.principal(), request.id()).id.str());
        return "webhook_id = ?";
      })
      .filter("status")
      .filter("type");
  auto whole = schema<Delivery>();
  whole["properties"]["payload"] = {{"description", "The body that is sent"}};
  get("/webhooks/{id}/deliveries/{delivery}",
      {.summary = "Read one delivery", .runs = atrium::Runs::fast_read, .answer = whole, .tag = tag},
      [this](Request& request) { return show(request); });
  post("/webhooks/{id}/deliveries/{delivery}/replay",
       {.summary = "Send a delivery again",
        .description = "With the same webhook-id. One that waits for its next attempt is tried at once.",
        .status = 202,
        .answer = schema<Delivery>(),
        .tag = tag},
       [this](Request& request) { return replay(request); });
}

template <class Reader>
std::pair<Webhook, Delivery> Webhooks::delivery_of(const Reader& reader, const atrium::Principal& who,
                                                   const Request& request) const {
  auto webhook = reader.template get<Webhook>(who, request.id());
  auto found = reader.template find<Delivery>("id = ? AND webhook_id = ?", request.id("delivery"), webhook.id);
  if (found.empty()) throw atrium::not_found();
  return {std::move(webhook), std::move(found.front())};
}

Reply Webhooks::show(const Request& request) const {
  const auto delivery = delivery_of(store(), request.principal(), request).second;
  auto json = Json::parse(atrium::to_json(delivery));
  json["payload"] = Json::parse(outbox_->body(delivery), nullptr, false);
  return atrium::ok(json);
}

Reply Webhooks::replay(const Request& request) {
  const auto who = request.principal();
  auto replayed = store().transaction(who, [&](Transaction& tx) {
    auto [webhook, delivery] = delivery_of(tx, who, request);
    if (!webhook.is_active) throw atrium::conflict("The webhook is not active: make it active first.");
    outbox_->replay(tx, delivery);
    return delivery;
  });
  wake();
  auto reply = atrium::ok(replayed);
  reply.status = 202;
  return reply;
}

Reply Webhooks::rotate(const Request& request) {
  const auto who = request.principal();
  const auto rotation = request.body().empty() ? Rotation{} : request.parse<Rotation>();
  const auto secret = secret_from(rotation.secret);
  const auto rotated = store().transaction(who, [&](Transaction& tx) {
    auto webhook = tx.get<Webhook>(who, request.id());
    if (webhook.previous_secret_id) secrets_->forget(tx, *webhook.previous_secret_id);
    webhook.previous_secret_id.reset();
    webhook.previous_secret_expires_at.reset();
    if (rotation.overlap_seconds > 0) {
      webhook.previous_secret_id = webhook.secret_id;
      webhook.previous_secret_expires_at = atrium::Time::now() + std::chrono::seconds(rotation.overlap_seconds);
    } else {
      secrets_->forget(tx, webhook.secret_id);
    }
    webhook.secret = secret;
    webhook.secret_id = secrets_->keep(tx, webhook, secret);
    tx.update(webhook);
    tx.publish("webhook.secret_rotated", webhook);
    return webhook;
  });
  return atrium::ok(rotated, atrium::Showing::made);
}

void Webhooks::end_former_secrets() {
  const auto now = atrium::Time::now();
  for (const auto& webhook : store().find<Webhook>("previous_secret_expires_at <= ? LIMIT 1000", now))
    store().transaction({}, [&](Transaction& tx) {
      for (auto& rotated : tx.find<Webhook>("id = ? AND previous_secret_expires_at <= ?", webhook.id, now)) {
        secrets_->forget(tx, *rotated.previous_secret_id);
        rotated.previous_secret_id.reset();
        rotated.previous_secret_expires_at.reset();
        tx.update(rotated);
        tx.publish("webhook.updated", rotated);
      }
    });
}

atrium::Async<Reply> Webhooks::test(const Request& request) {
  const auto who = request.principal().keep();
  const auto webhook = store().get<Webhook>(who, request.id());
  Delivery delivery;
  delivery.id = atrium::Id::make();
  delivery.webhook_id = webhook.id;
  delivery.message_id = delivery.id.str();
  delivery.type = "webhook.test";
  delivery.in_order = false;
  Json payload{{"type", delivery.type}, {"timestamp", atrium::Time::now().text()}};
  payload["data"]["webhook_id"] = webhook.id.text();
  const std::string body = atrium::dump(payload);
  const std::optional<Outcome> outcome = co_await attempt(webhook, delivery, body);
  if (!outcome) throw atrium::unavailable("The server is stopping.");
  TestResult result{outcome->succeeded(), outcome->response_status, outcome->response_body,
                    outcome->error,       outcome->duration_ms,     delivery.id};
  delivery.status = result.ok ? Status::succeeded : Status::failed;
  delivery.attempts = delivery.tries = 1;
  delivery.response_status = result.response_status;
  delivery.response_body = result.response_body;
  delivery.error = result.error;
  delivery.duration_ms = result.duration_ms;
  auto committing = store().commit(who, [this, &delivery, &body](Transaction& tx) {
    outbox_->record_test(tx, delivery, body);
    return true;
  });
  co_await committing;
  co_return atrium::ok(result);
}

}  // namespace webhooks
