#include "routing/idempotency.hpp"

#include "observability/log.hpp"
#include "routing/problem.hpp"

#include <sodium.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>

namespace kernel::routing {

namespace {

using namespace std::chrono_literals;
using Kind = ClaimOutcome::Kind;

constexpr std::size_t max_key = 255;
constexpr std::size_t max_kept_body = 2 << 20;
constexpr auto sweep_period = 10min;
constexpr std::int64_t sweep_batch = 500;

bool good_key(std::string_view key) {
  return !key.empty() && key.size() <= max_key &&
         std::all_of(key.begin(), key.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

// A streamed body is not read before its handler runs: its announced length stands for it.
Claim claim_of(const http::Exchange& exchange, const Context& context, std::string_view key,
               const auth::SealedBox& box) {
  const auto& head = exchange.head();
  const auto& principal = context.principal;
  Claim claim;
  claim.principal = principal ? principal->kind + ':' + principal->id : "address:" + context.client_address;
  claim.key = box.fingerprint({key});
  const bool streams = context.route->body == Body::stream;
  claim.fingerprint =
      box.fingerprint({head.method_name, head.path, head.query,
                       streams ? std::to_string(head.content_length) : std::string_view(exchange.body())});
  claim.request_id = context.request_id;
  claim.actor = {.kind = principal ? principal->kind : "system",
                 .id = principal ? principal->id : "",
                 .address = context.client_address,
                 .request_id = context.request_id};
  return claim;
}

std::string bound_to(const Claim& claim) { return claim.principal + '\n' + claim.key; }

// The request's own headers (ids, limits) are not part of what is kept: each answer gets its own.
std::string to_text(const http::Reply& reply) {
  nlohmann::json json{{"status", reply.status}, {"headers", nlohmann::json::array()}};
  for (const auto& [name, value] : reply.headers) json["headers"].push_back({name, value});
  json["body"] = nlohmann::json::binary({reply.body.begin(), reply.body.end()});
  const auto packed = nlohmann::json::to_msgpack(json);
  return {packed.begin(), packed.end()};
}

std::optional<http::Reply> from_text(const std::string& text) {
  const auto json = nlohmann::json::from_msgpack(text, true, false);
  if (!json.is_object()) return std::nullopt;
  http::Reply reply;
  reply.status = json.value("status", 500);
  for (const auto& field : json["headers"]) reply.headers.add(field[0], field[1]);
  const auto& body = json["body"].get_binary();
  reply.body.assign(body.begin(), body.end());
  return reply;
}

}  // namespace

// Keeps itself alive through the context until the reply is there.
class Idempotency::Keeper final : public ReplyKeeper, public std::enable_shared_from_this<Keeper> {
 public:
  Keeper(std::shared_ptr<IdempotencyStore> store, std::shared_ptr<const auth::SealedBox> box, Claim claim)
      : store_(std::move(store)), box_(std::move(box)), claim_(std::move(claim)) {}

  void keep(const std::shared_ptr<http::Exchange>& exchange, http::Reply reply) override {
    if (kept_.exchange(true)) return send(exchange, std::move(reply));
    const bool undone = reply.status >= 500 || reply.status == 429;
    auto answer = reply.body.size() <= max_kept_body ? box_->seal(to_text(reply), bound_to(claim_)) : std::string();
    auto sent = [exchange, reply = std::make_shared<http::Reply>(std::move(reply))] {
      send(exchange, std::move(*reply));
    };
    if (undone) {
      store_->failed(claim_, std::move(sent));
    } else {
      store_->answered(claim_, std::move(answer), std::move(sent));
    }
  }

  void streaming() override {
    if (!kept_.exchange(true)) store_->answered(claim_, {}, [] {});
  }

 private:
  std::shared_ptr<IdempotencyStore> store_;
  std::shared_ptr<const auth::SealedBox> box_;
  const Claim claim_;
  std::atomic<bool> kept_{false};
};

Idempotency::Idempotency(storage::Database& database, jobs::Jobs& jobs, std::string key)
    : jobs_(jobs),
      store_(std::make_shared<IdempotencyStore>(database)),
      box_(std::make_shared<const auth::SealedBox>(std::move(key))) {
  sweeper_ = jobs.every(sweep_period, [store = store_] {
    try {
      while (store->sweep(sweep_batch)) {
      }
    } catch (const std::exception& fault) {
      observability::log(observability::Level::warning, "http",
                         std::string("old idempotency keys cannot be removed now, trying again: ") + fault.what());
    }
  });
}

bool Idempotency::concerns(const Route& route, const http::RequestHead& head) {
  return head.method == http::Method::post && head.headers.find("idempotency-key") &&
         (!route.declaration.is_object() || route.declaration.value("idempotency", true));
}

void Idempotency::begin(const std::shared_ptr<http::Exchange>& exchange, std::function<void()> run) {
  const auto context = context_of(*exchange);
  const auto key = exchange->head().headers.get("idempotency-key");
  if (!good_key(key)) {
    const auto problem = problem_of_status(400, "Idempotency-Key must have 1 to 255 visible ASCII characters.");
    return send(exchange, problem_reply(problem, exchange->head().path, context->request_id));
  }
  auto claim = claim_of(*exchange, *context, key, *box_);
  store_->claim(claim, [this, exchange, claim, run = std::move(run)](const ClaimOutcome& outcome) {
    decided(exchange, claim, outcome, run);
  });
}

void Idempotency::decided(const std::shared_ptr<http::Exchange>& exchange, const Claim& claim,
                          const ClaimOutcome& outcome, const std::function<void()>& run) {
  const auto context = context_of(*exchange);
  const auto refuse = [&](atrium::Problem problem, const char* retry_after = nullptr) {
    if (retry_after) problem.headers.emplace_back("retry-after", retry_after);
    respond(exchange, problem_reply(problem, exchange->head().path, context->request_id));
  };
  const auto lost = [&] {
    refuse({409, "answer-lost", "It was done, but the answer is lost",
            outcome.resource.empty() || outcome.resource == "/" ? "Look up what it made before trying with another key."
                                                                : "Look up " + outcome.resource + "."});
  };
  switch (outcome.kind) {
    case Kind::run:
      context->keeper = std::make_shared<Keeper>(store_, box_, claim);
      if (!jobs_.post(run)) refuse(problem_of_status(503, "Too much is waiting."), "1");
      return;
    case Kind::replay: {
      const auto plain = box_->open(outcome.answer, bound_to(claim));
      auto reply = plain ? from_text(*plain) : std::nullopt;
      if (!reply) return lost();
      reply->headers.set("idempotency-replayed", "true");
      return send(exchange, std::move(*reply));
    }
    case Kind::mismatch:
      return refuse({422, "idempotency-key-reused", "This Idempotency-Key belongs to another request",
                     "Use a new key for a new request."});
    case Kind::busy:
      return refuse({409, "idempotency-key-in-use", "The first request with this Idempotency-Key still runs",
                     "Try again with the same key."},
                    "1");
    case Kind::lost:
      return lost();
    case Kind::failed:
      return refuse(problem_of_status(503, "The database takes no writes right now."), "1");
  }
}

}  // namespace kernel::routing
