#include "routing/pipeline.hpp"

#include "observability/log.hpp"
#include "routing/path.hpp"
#include "routing/problem.hpp"

#include <atrium/types.hpp>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <variant>

namespace kernel::routing {

namespace {

using http::HeadDecision;
using http::Method;
using Clock = std::chrono::steady_clock;

constexpr std::size_t max_request_id = 128;

/// W3C Trace Context, version 00: "00-" 32 hex "-" 16 hex "-" 2 hex.
bool well_formed_trace(std::string_view trace) {
  if (trace.size() != 55) return false;
  for (std::size_t at = 0; at < trace.size(); ++at) {
    const char c = trace[at];
    const bool dash = at == 2 || at == 35 || at == 52;
    if (dash ? c != '-' : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
  }
  return true;
}

bool request_id_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

std::string request_id_of(const http::RequestHead* head) {
  const auto given = head ? head->headers.get("x-request-id") : std::string_view{};
  if (!given.empty() && given.size() <= max_request_id && std::all_of(given.begin(), given.end(), request_id_character))
    return std::string(given);
  return atrium::Id::make().str();
}

std::string joined_policy(const RateLimit& a, const RateLimit& b) {
  if (a.active() && b.active()) return a.policy() + ", " + b.policy();
  return a.active() ? a.policy() : b.active() ? b.policy() : std::string();
}

/// Counts the request and says so in the headers; the 429 when it is one too many.
std::optional<atrium::Problem> count(RateLimit& limit, std::string_view key, const std::string& policy,
                                     Context& context) {
  if (!limit.active()) return std::nullopt;
  const auto verdict = limit.take(key, context.began);
  context.reply_headers.set("ratelimit-policy", policy);
  context.reply_headers.set("ratelimit", limit.state(verdict));
  if (verdict.allowed) return std::nullopt;
  auto problem = problem_of_status(429, "Slow down: try again after the seconds that Retry-After names.");
  problem.headers.emplace_back("retry-after", std::to_string(std::max<std::int64_t>(verdict.reset.count(), 1)));
  return problem;
}

}  // namespace

Pipeline::Pipeline(PipelineParts parts, PipelineOptions options)
    : parts_(parts),
      options_(std::move(options)),
      limits_{.json = options_.max_body, .upload = options_.max_upload},
      cors_(options_.cors_origins),
      by_address_("address", options_.requests_per_address, options_.rate_window),
      by_principal_("principal", options_.requests_per_principal, options_.rate_window),
      idempotency_(parts.database, parts.jobs, options_.idempotency_key) {
  for (const auto& range : options_.trusted_proxies) trusted_proxies_.emplace_back(range);
  set_rate_limits(options_.requests_per_address, options_.requests_per_principal);
}

void Pipeline::set_rate_limits(std::int64_t per_address, std::int64_t per_principal) {
  const std::lock_guard lock(changing_rates_);
  by_address_.set_quota(per_address);
  by_principal_.set_quota(per_principal);
  auto policy = joined_policy(by_address_, by_principal_);
  if (rate_policies_.empty() || rate_policies_.back() != policy) rate_policies_.push_back(std::move(policy));
  rate_policy_ = &rate_policies_.back();
}

// ---- The head ---------------------------------------------------------------------------------------------------

HeadDecision Pipeline::on_head(const ExchangePtr& exchange) {
  const auto& head = exchange->head();
  const auto context = begin(exchange);
  if (const auto fault = admit(*context)) return refuse(head, *context, *fault);
  std::string allow;
  const auto fault = find_route(head, *context, allow);
  if (!allow.empty() && head.method == Method::options) return answer_options(head, *context, allow);
  if (fault) return refuse(head, *context, *fault);
  if (const auto unknown = identify(head, *context, false)) return refuse(head, *context, *unknown);
  if (!context->needs_lookup)
    if (const auto denied = judge(head, *context)) return refuse(head, *context, *denied);
  return accept(exchange, *context);
}

ContextPtr Pipeline::begin(const ExchangePtr& exchange) const {
  const auto& head = exchange->head();
  auto context = std::make_shared<Context>();
  context->began = Clock::now();
  context->request_id = request_id_of(&head);
  context->client_address = client_address(head, trusted_proxies_);
  context->scheme = client_scheme(head, trusted_proxies_, options_.tls);
  if (const auto* trace = head.headers.find("traceparent"); trace && well_formed_trace(*trace))
    context->reply_headers.add("traceparent", context->traceparent = *trace);
  context->reply_headers.add("x-request-id", context->request_id);
  cors_.answer(head, context->reply_headers);
  exchange->context = context;
  return context;
}

Pipeline::Fault Pipeline::admit(Context& context) {
  if (options_.address_allowed && !options_.address_allowed(context.client_address))
    return problem_of_status(403, "Requests from your address are not taken.");
  return count(by_address_, rate_limit_key(context.client_address), *rate_policy_, context);
}

Pipeline::Fault Pipeline::find_route(const http::RequestHead& head, Context& context, std::string& allow) const {
  auto match = parts_.table.find(head.method, head.path);
  allow = std::move(match.allow);
  if (allow.empty()) return problem_of_status(404, "See /openapi.json for what there is.");
  if (!match.route) {
    auto problem = problem_of_status(405, "It takes " + allow + ".");
    problem.headers.emplace_back("allow", allow);
    return problem;
  }
  context.route = std::move(match.route);
  context.path = std::move(match.path);
  return std::nullopt;
}

Pipeline::Fault Pipeline::identify(const http::RequestHead& head, Context& context, bool may_wait) {
  auto outcome = parts_.authenticator.authenticate(head, context.client_address, context.request_id, may_wait);
  if (takes_links(*context.route) && std::holds_alternative<auth::Anonymous>(outcome)) {
    outcome = parts_.authenticator.authenticate_link(head, context.route->owner);
    if (const auto* refused = std::get_if<auth::Rejected>(&outcome)) return link_rejection(*refused);
  }
  context.needs_lookup = std::holds_alternative<auth::NeedsLookup>(outcome);
  if (const auto* principal = std::get_if<auth::PrincipalPtr>(&outcome)) context.principal = *principal;
  const auto* rejected = std::get_if<auth::Rejected>(&outcome);
  if (rejected && !open_to_all(*context.route)) return rejection(*rejected);
  return std::nullopt;
}

// In the contract's order: 429 of the principal, 401, 403, 415, 413, 400.
Pipeline::Fault Pipeline::judge(const http::RequestHead& head, Context& context) {
  if (const auto& who = context.principal)
    if (auto fault = count(by_principal_, who->kind + ':' + who->id, *rate_policy_, context)) return fault;
  if (auto fault = access_fault(*context.route, context.principal)) return fault;
  if (auto fault = body_fault(*context.route, head, limits_)) return fault;
  auto query = parse_query(head.query);
  if (!query) return problem_of_status(400, "The query is not well-formed: check its percent-encoding.");
  context.query = std::move(*query);
  return std::nullopt;
}

HeadDecision Pipeline::refuse(const http::RequestHead& head, const Context& context,
                              const atrium::Problem& problem) const {
  HeadDecision decision;
  decision.reply = problem_reply(problem, head.path, context.request_id);
  for (const auto& [name, value] : context.reply_headers) decision.reply.headers.add(name, value);
  add_security_headers(decision.reply);
  return decision;
}

HeadDecision Pipeline::answer_options(const http::RequestHead& head, Context& context, const std::string& allow) const {
  HeadDecision decision;
  decision.reply.status = 204;
  decision.reply.headers.add("allow", allow);
  cors_.answer_preflight(head, allow, context.reply_headers);
  for (const auto& [name, value] : context.reply_headers) decision.reply.headers.add(name, value);
  add_security_headers(decision.reply);
  return decision;
}

// A body that nobody asked for is discarded by the front when the handler does not read it.
HeadDecision Pipeline::accept(const ExchangePtr& exchange, const Context& context) const {
  const auto& head = exchange->head();
  const auto& route = *context.route;
  HeadDecision decision;
  if (route.websocket && head.websocket_upgrade) {
    decision.action = HeadDecision::Action::websocket;
    decision.websocket = route.websocket(exchange);
    return decision;
  }
  const bool streams = head.has_body && (route.body == Body::stream || route.body == Body::none);
  decision.action = streams ? HeadDecision::Action::stream_body : HeadDecision::Action::buffer_body;
  decision.max_body = body_limit(route, limits_);
  return decision;
}

// ---- The handler ------------------------------------------------------------------------------------------------

void Pipeline::handle(const ExchangePtr& exchange) {
  const auto context = context_of(*exchange);
  if (context->needs_lookup) return post(exchange, [this, exchange] { finish_lookup(exchange); });
  run(exchange);
}

void Pipeline::finish_lookup(const ExchangePtr& exchange) {
  const auto& head = exchange->head();
  const auto context = context_of(*exchange);
  auto fault = identify(head, *context, true);
  if (!fault) fault = judge(head, *context);
  if (fault) return respond(exchange, problem_reply(*fault, head.path, context->request_id));
  run(exchange);
}

void Pipeline::run(const ExchangePtr& exchange) {
  const auto context = context_of(*exchange);
  const auto& route = *context->route;
  if (Idempotency::concerns(route, exchange->head()))
    return idempotency_.begin(exchange, [this, exchange] { call_handler(exchange); });
  const bool looked_up = context->needs_lookup;
  const bool here =
      looked_up || route.runs == Runs::io || (route.runs == Runs::fast_read && parts_.database.reads_are_local());
  if (here) return call_handler(exchange);
  post(exchange, [this, exchange] { call_handler(exchange); });
}

void Pipeline::post(const ExchangePtr& exchange, std::function<void()> work) {
  if (parts_.jobs.post(std::move(work))) return;
  auto problem = problem_of_status(503, "Too much is waiting; try again in a moment.");
  problem.headers.emplace_back("retry-after", "1");
  respond(exchange, problem_reply(problem, exchange->head().path, context_of(*exchange)->request_id));
}

void Pipeline::call_handler(const ExchangePtr& exchange) const {
  const auto context = context_of(*exchange);
  const auto fail = [&](std::string_view what) {
    const nlohmann::json fields{{"request_id", context->request_id},
                                {"route", context->route->pattern},
                                {"owner", context->route->owner},
                                {"fault", what}};
    observability::log(observability::Level::error, "http", "a handler failed",
                       fields.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    respond(exchange, problem_reply(problem_of_status(500), exchange->head().path, context->request_id));
  };
  try {
    context->route->handler(exchange);
  } catch (const atrium::Problem& problem) {
    respond(exchange, problem_reply(problem, exchange->head().path, context->request_id));
  } catch (const std::exception& fault) {
    fail(fault.what());
  } catch (...) {
    fail("something that is no std::exception");
  }
}

// ---- What the front asks ------------------------------------------------------------------------------------------

http::Reply Pipeline::refusal(int status, std::string_view detail, const http::RequestHead* head_or_null) {
  const auto request_id = request_id_of(head_or_null);
  auto problem = problem_of_status(status, std::string(detail));
  if (status == 503) problem.headers.emplace_back("retry-after", "1");
  auto reply =
      problem_reply(problem, head_or_null ? std::string_view(head_or_null->path) : std::string_view(), request_id);
  reply.headers.add("x-request-id", request_id);
  if (head_or_null) cors_.answer(*head_or_null, reply.headers);
  add_security_headers(reply);
  return reply;
}

void Pipeline::on_replied(http::Exchange& exchange, int status, std::size_t body_bytes) {
  const auto context = context_of(exchange);
  const auto& head = exchange.head();
  const double seconds = context ? std::chrono::duration<double>(Clock::now() - context->began).count() : 0.0;
  const auto pattern = context && context->route ? std::string_view(context->route->pattern) : std::string_view("none");
  const auto method = head.method == Method::other ? std::string_view("other") : http::to_string(head.method);
  parts_.metrics.request(method, pattern, status, seconds);
  const auto level = status >= 400 ? observability::Level::info : observability::Level::debug;
  if (!observability::log_enabled(level)) return;
  nlohmann::json fields{{"method", head.method_name}, {"path", head.path}, {"status", status},
                        {"bytes", body_bytes},        {"peer", head.peer}, {"milliseconds", seconds * 1000}};
  if (context) {
    fields["request_id"] = context->request_id;
    fields["address"] = context->client_address;
    if (context->principal) fields["principal"] = context->principal->kind + ':' + context->principal->id;
  }
  observability::log(level, "http", "request", fields.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

}  // namespace kernel::routing
