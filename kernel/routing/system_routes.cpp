#include "routing/system_routes.hpp"

#include "routing/docs_page.hpp"
#include "routing/event_stream.hpp"
#include "routing/path.hpp"
#include "routing/problem.hpp"

#include <nlohmann/json.hpp>

#include <memory>
#include <vector>

namespace kernel::routing {

namespace {

using nlohmann::json;
using ExchangePtr = std::shared_ptr<http::Exchange>;

constexpr const char* docs_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'";

http::Reply reply(std::string_view type, std::string body, int status = 200) {
  http::Reply result;
  result.status = status;
  result.headers.add("content-type", std::string(type));
  result.body = std::move(body);
  return result;
}

Route route(const json& declaration, Handler handler) {
  auto result = Route::from_declaration("kernel", declaration);
  result.handler = std::move(handler);
  return result;
}

json at_root(const char* path, const char* runs, const char* summary, json answer) {
  return {{"method", "GET"}, {"path", path},    {"access", {"none"}}, {"runs", runs},
          {"at_root", true}, {"tag", "System"}, {"summary", summary}, {"answers", {{"200", std::move(answer)}}}};
}

json health_schema() {
  return {{"type", "object"},
          {"properties",
           {{"status", {{"type", "string"}, {"enum", {"healthy", "degraded", "unhealthy"}}}},
            {"service", {{"type", "string"}}},
            {"version", {{"type", "string"}}},
            {"uptime_seconds", {{"type", "integer"}}}}}};
}

Route health_route(Health& health) {
  auto declaration = at_root("/health", "io", "Whether the service is well", health_schema());
  declaration["answers"]["503"] = health_schema();
  return route(declaration, [&health](const ExchangePtr& exchange) {
    const int status = health.state() == Health::State::unhealthy ? 503 : 200;
    respond(exchange, reply("application/json", health.json(), status));
  });
}

Route metrics_route(observability::Metrics& metrics) {
  auto declaration = at_root("/metrics", "pool", "Metrics for Prometheus", {{"type", "string"}});
  declaration["answer_type"] = "text/plain";
  return route(declaration, [&metrics](const ExchangePtr& exchange) {
    respond(exchange, reply("text/plain; version=0.0.4; charset=utf-8", metrics.text()));
  });
}

Route openapi_route(OpenApi& openapi) {
  return route(
      at_root("/openapi.json", "pool", "This description", {{"type", "object"}}),
      [&openapi](const ExchangePtr& exchange) { respond(exchange, reply("application/json", *openapi.text())); });
}

Route page_route(const char* path, const char* type, std::string_view content, const char* summary) {
  auto declaration = at_root(path, "io", summary, {{"type", "string"}});
  declaration["answer_type"] = type;
  return route(declaration, [type = std::string(type) + "; charset=utf-8", content](const ExchangePtr& exchange) {
    auto page = reply(type, std::string(content));
    page.headers.add("content-security-policy", docs_policy);
    page.headers.add("cache-control", "no-cache");
    respond(exchange, std::move(page));
  });
}

Route stream_route(const EventParts& parts) {
  const json declaration{
      {"method", "GET"},
      {"path", "/events"},
      {"access", {"user"}},
      {"tag", "Events"},
      {"summary", "Follow events (Server-Sent Events)"},
      {"description", "Each message's data is {type, id, time, data}. Last-Event-ID resumes after that event."},
      {"query",
       {{{"name", "event"},
         {"in", "query"},
         {"description", "An event type, a prefix such as task.*, or *; may be repeated. All, when absent"},
         {"schema", {{"type", "string"}}}}}},
      {"answer_type", "text/event-stream"},
      {"answers", {{"200", {{"type", "string"}}}}}};
  return route(declaration, [parts](const ExchangePtr& exchange) { serve_event_stream(parts, exchange); });
}

std::string query_value(std::string_view query, std::string_view name) {
  const auto pairs = parse_query(query).value_or(Pairs{});
  for (const auto& [key, value] : pairs)
    if (key == name) return value;
  return {};
}

Route socket_route(const EventParts& parts) {
  const json declaration{
      {"method", "GET"},
      {"path", "/ws"},
      {"access", {"none"}},
      {"runs", "io"},
      {"at_root", true},
      {"tag", "Events"},
      {"summary", "Follow events (WebSocket)"},
      {"description", "Sign in by `token` or by a first message {type: auth, token}; then subscribe."},
      {"query",
       {{{"name", "token"}, {"in", "query"}, {"description", "An access token"}, {"schema", {{"type", "string"}}}}}},
      {"answers", {{"101", nullptr}}}};
  auto result = route(declaration, [](const ExchangePtr& exchange) {
    auto problem = problem_of_status(426, "Connect with a WebSocket client.");
    problem.headers.emplace_back("upgrade", "websocket");
    respond(exchange, problem_reply(problem, exchange->head().path, context_of(*exchange)->request_id));
  });
  result.websocket = [parts](const ExchangePtr& exchange) -> std::shared_ptr<http::WebSocketHandler> {
    const auto context = context_of(*exchange);
    auto token = query_value(exchange->head().query, "token");
    const auto header = exchange->head().headers.get("authorization");
    constexpr std::string_view scheme = "Bearer ";
    if (token.empty() && header.starts_with(scheme)) token = header.substr(scheme.size());
    return std::make_shared<EventSocket>(parts, context->client_address, std::move(token), context->principal);
  };
  return result;
}

}  // namespace

std::vector<Route> system_routes(const SystemParts& parts) {
  std::vector<Route> routes;
  routes.push_back(health_route(parts.health));
  routes.push_back(metrics_route(parts.metrics));
  routes.push_back(openapi_route(parts.openapi));
  routes.push_back(page_route("/docs", "text/html", docs_page::index_html, "The documentation page"));
  routes.push_back(page_route("/docs/app.js", "text/javascript", docs_page::app_js, "Its script"));
  routes.push_back(page_route("/docs/style.css", "text/css", docs_page::style_css, "Its looks"));
  routes.push_back(stream_route(parts.events));
  routes.push_back(socket_route(parts.events));
  return routes;
}

}  // namespace kernel::routing
