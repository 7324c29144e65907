// atrium.http: routes, and what a handler does with its request.
#include "abi/body_pump.hpp"
#include "abi/cancel_notice.hpp"
#include "abi/host_state.hpp"
#include "abi/request_pool.hpp"

#include <atrium/grants.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace kernel::abi {
namespace {

using ExchangePtr = std::shared_ptr<http::Exchange>;

RequestPool& requests() { return RequestPool::instance(); }

bool is_token_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool valid_header_name(std::string_view name) {
  return !name.empty() && name.size() <= 100 && std::all_of(name.begin(), name.end(), is_token_character);
}

bool valid_header_value(std::string_view value) {
  return value.size() <= 16 * 1024 && std::all_of(value.begin(), value.end(), [](char c) {
           return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
         });
}

std::string lower(std::string_view name) {
  std::string result(name);
  for (char& c : result) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return result;
}

/// The kernel's own answer where the plugin has none.
void answer_problem(const ExchangePtr& exchange, int status, const char* type, const char* title, const char* detail) {
  const auto context = routing::context_of(*exchange);
  nlohmann::json problem{{"type", type}, {"title", title}, {"status", status}, {"detail", detail}};
  problem["instance"] = exchange->head().path;
  if (context) problem["request_id"] = context->request_id;
  http::Reply reply;
  reply.status = status;
  reply.headers.add("content-type", "application/problem+json");
  reply.body = problem.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  routing::respond(exchange, std::move(reply));
}

void answer_stopping(const ExchangePtr& exchange) {
  answer_problem(exchange, 503, "/problems/unavailable", "This part is being stopped", "Try again in a moment.");
}

}  // namespace

std::optional<Request> consume(atrium_request* handle) {
  auto request = requests().take(handle);
  if (request && request->deferred) {
    HostState& host = *request->host;
    const std::lock_guard lock(host.mutex);
    host.deferred.erase(handle);
    if (host.deferred.empty()) host.changed.notify_all();
  }
  return request;
}

bool valid_answer(std::int32_t status, atrium_str type) {
  return status >= 200 && status <= 599 && valid_header_value(view(type));
}

namespace {

/// The handler has returned (or threw) without an answer, and nobody else is going to give one.
void answer_for_plugin(Request request, std::int32_t status) {
  const auto id = request.context ? request.context->request_id : std::string();
  observability::log(observability::Level::error, request.host->owner,
                     status < 0 ? "a handler failed" : "a handler returned without an answer",
                     nlohmann::json{{"status", status}, {"request_id", id}}.dump());
  if (request.streaming) return request.exchange->stream_abort();
  answer_problem(request.exchange, 500, "/problems/internal", "Something went wrong",
                 "The fault is in the log under this request id.");
}

void serve(HostState& host, atrium_http_fn handler, void* self, const ExchangePtr& exchange) {
  const Inside inside(host);
  if (!inside) return answer_stopping(exchange);
  Request request;
  request.exchange = exchange;
  request.context = routing::context_of(*exchange);
  request.host = &host;
  atrium_request* handle = requests().put(std::move(request));
  if (handle == nullptr) {
    return answer_problem(exchange, 503, "/problems/unavailable", "Too many requests are open", "Try again later.");
  }
  const std::int32_t status = call_plugin(host, "a handler", [&] { return handler(self, handle); });
  if (status == ATRIUM_PENDING) {
    const Request* kept = requests().find(handle);
    if (kept == nullptr || kept->deferred) return;
  }
  if (auto left = requests().take(handle)) {
    if (left->deferred) {
      const std::lock_guard lock(host.mutex);
      host.deferred.erase(handle);
    }
    answer_for_plugin(std::move(*left), status);
  }
}

std::int32_t route(const atrium_host* handle, atrium_str declaration, atrium_http_fn handler, void* self,
                   atrium_err* error) {
  return guard(error, [&]() -> std::int32_t {
    HostState& host = HostState::of(handle);
    if (handler == nullptr) return fail(error, ATRIUM_E_INVALID, "a route needs a handler");
    const auto parsed = nlohmann::json::parse(view(declaration), nullptr, false);
    if (parsed.is_discarded()) return fail(error, ATRIUM_E_INVALID, "a route's declaration is not JSON");
    auto route = routing::Route::from_declaration(host.owner, parsed);
    if (route.at_root && host.grants.routes)
      return fail(error, ATRIUM_E_INVALID, "a plugin's routes are below /api/v1");
    if (const auto& granted = host.grants.routes;
        granted && !atrium::grants::any(*granted, atrium::grants::route, route.pattern)) {
      return fail(error, ATRIUM_E_DENIED,
                  "the plugin may not answer " + route.pattern + ": its plugin.json does not list it under \"routes\"");
    }
    route.handler = [state = host.shared_from_this(), handler, self](const ExchangePtr& exchange) {
      serve(*state, handler, self, exchange);
    };
    const std::lock_guard lock(host.mutex);
    if (host.routes_taken) return fail(error, ATRIUM_E_INVALID, "routes are declared in start(), not later");
    route.lease = host.route_lease;
    host.routes.push_back(std::move(route));
    return ATRIUM_OK;
  });
}

atrium_str find_pair(const std::vector<std::pair<std::string, std::string>>& pairs, std::string_view name) {
  for (const auto& [key, value] : pairs) {
    if (key == name) return text(value);
  }
  return nothing();
}

atrium_str path(atrium_request* handle, atrium_str name) {
  const Request* request = requests().find(handle);
  return request == nullptr ? nothing() : find_pair(request->context->path, view(name));
}

atrium_str query(atrium_request* handle, atrium_str name) {
  const Request* request = requests().find(handle);
  return request == nullptr ? nothing() : find_pair(request->context->query, view(name));
}

atrium_str header(atrium_request* handle, atrium_str name) {
  const Request* request = requests().find(handle);
  if (request == nullptr || name.len > 100) return nothing();
  const bool has_upper = std::any_of(name.data, name.data + name.len, [](char c) { return c >= 'A' && c <= 'Z'; });
  const auto& headers = request->exchange->head().headers;
  const std::string* value = has_upper ? headers.find(lower(view(name))) : headers.find(view(name));
  return value == nullptr ? nothing() : text(*value);
}

atrium_str body(atrium_request* handle) {
  const Request* request = requests().find(handle);
  return request == nullptr ? nothing() : text(request->exchange->body());
}

atrium_str request_id(atrium_request* handle) {
  const Request* request = requests().find(handle);
  return request == nullptr ? nothing() : text(request->context->request_id);
}

atrium_str target(atrium_request* handle) {
  const Request* request = requests().find(handle);
  return request == nullptr ? nothing() : text(request->exchange->head().target);
}

const atrium_principal* principal(atrium_request* handle) {
  const Request* request = requests().find(handle);
  return request == nullptr ? nullptr : borrow(request->context->principal);
}

std::int32_t set_header(atrium_request* handle, atrium_str name, atrium_str value) {
  return guard(nullptr, [&] {
    Request* request = requests().find(handle);
    if (request == nullptr || request->streaming) return ATRIUM_E_INVALID;
    if (!valid_header_name(view(name)) || !valid_header_value(view(value))) return ATRIUM_E_INVALID;
    auto field = lower(view(name));
    // The framing is the front's: two lengths for one body are a way to smuggle a request.
    if (field == "content-length" || field == "transfer-encoding" || field == "connection") return ATRIUM_E_INVALID;
    request->headers.add(std::move(field), std::string(view(value)));
    return ATRIUM_OK;
  });
}

std::int32_t defer(atrium_request* handle) {
  return guard(nullptr, [&] {
    Request* request = requests().find(handle);
    if (request == nullptr) return ATRIUM_E_INVALID;
    HostState& host = *request->host;
    const std::lock_guard lock(host.mutex);
    host.deferred.insert(handle);
    request->deferred = true;
    return ATRIUM_OK;
  });
}

std::int32_t respond(atrium_request* handle, std::int32_t status, atrium_str type, atrium_str body) {
  return guard(nullptr, [&] {
    const Request* held = requests().find(handle);
    if (held == nullptr || held->streaming || !valid_answer(status, type)) return ATRIUM_E_INVALID;
    http::Reply reply;
    reply.status = status;
    reply.body = view(body);  // may be borrowed from the request, so before that is given up
    std::string content_type(view(type));
    auto request = consume(handle);
    if (!request) return ATRIUM_E_INVALID;
    reply.headers = std::move(request->headers);
    if (!content_type.empty()) reply.headers.set("content-type", std::move(content_type));
    routing::respond(request->exchange, std::move(reply));
    return ATRIUM_OK;
  });
}

std::int32_t cancelled(atrium_request* handle) {
  const Request* request = requests().find(handle);
  return request == nullptr || request->exchange->cancelled() ? 1 : 0;
}

void on_cancel(atrium_request* handle, atrium_cancel_fn notify, void* context) {
  guard(nullptr, [&] {
    const Request* request = requests().find(handle);
    if (request == nullptr || notify == nullptr) return ATRIUM_E_INVALID;
    request->exchange->on_cancel(CancelNotice::function(request->host->shared_from_this(), notify, context));
    return ATRIUM_OK;
  });
}

std::int32_t stream_begin(atrium_request* handle, std::int32_t status, atrium_str type) {
  return guard(nullptr, [&] {
    Request* request = requests().find(handle);
    if (request == nullptr || request->streaming || !valid_answer(status, type)) return ATRIUM_E_INVALID;
    request->streaming = true;
    auto headers = std::move(request->headers);
    if (type.len != 0) headers.set("content-type", std::string(view(type)));
    routing::stream_begin(request->exchange, status, std::move(headers));
    return ATRIUM_OK;
  });
}

std::int32_t stream_write(atrium_request* handle, atrium_str data, atrium_notify_fn on_writable, void* context) {
  return guard(nullptr, [&] {
    const Request* request = requests().find(handle);
    if (request == nullptr || !request->streaming) return ATRIUM_E_INVALID;
    const auto exchange = request->exchange;
    if (exchange->cancelled()) return ATRIUM_E_CANCELLED;
    auto settled = std::make_shared<std::atomic<bool>>(false);
    auto wake = [state = request->host->shared_from_this(), settled, on_writable, context] {
      if (settled->exchange(true) || on_writable == nullptr) return;
      const Inside inside(*state);
      if (inside) notify_plugin(*state, "a function for writing on", [&] { on_writable(context); });
    };
    if (exchange->stream_write(std::string(view(data)), std::move(wake))) return ATRIUM_OK;
    // The client may have gone in between: then nobody promises the wake-up, unless it is under way already.
    if (exchange->cancelled() && !settled->exchange(true)) return ATRIUM_E_CANCELLED;
    return ATRIUM_PENDING;
  });
}

std::int32_t stream_end(atrium_request* handle) {
  return guard(nullptr, [&] {
    const Request* held = requests().find(handle);
    if (held == nullptr || !held->streaming) return ATRIUM_E_INVALID;
    const auto request = consume(handle);
    if (!request) return ATRIUM_E_INVALID;
    request->exchange->stream_end();
    return ATRIUM_OK;
  });
}

atrium_str origin(atrium_request* handle) {
  const Request* request = requests().find(handle);
  if (request == nullptr) return nothing();
  auto& context = *request->context;
  if (context.origin.empty()) {
    context.origin = context.scheme;
    context.origin.append("://").append(request->exchange->head().headers.get("host"));
  }
  return text(context.origin);
}

std::int32_t stream_length(atrium_request* handle, std::int64_t bytes) {
  return guard(nullptr, [&] {
    Request* request = requests().find(handle);
    if (request == nullptr || request->streaming || bytes < 0) return ATRIUM_E_INVALID;
    request->headers.set("content-length", std::to_string(bytes));
    return ATRIUM_OK;
  });
}

std::int32_t stream_abort(atrium_request* handle) {
  return guard(nullptr, [&] {
    const Request* held = requests().find(handle);
    if (held == nullptr || !held->streaming) return ATRIUM_E_INVALID;
    const auto request = consume(handle);
    if (!request) return ATRIUM_E_INVALID;
    request->exchange->stream_abort();
    return ATRIUM_OK;
  });
}

std::int32_t body_read(atrium_request* handle, atrium_body_fn function, void* context) {
  return guard(nullptr, [&] {
    Request* request = requests().find(handle);
    if (request == nullptr || request->body || function == nullptr) return ATRIUM_E_INVALID;
    if (request->context->route->body != routing::Body::stream) return ATRIUM_E_INVALID;
    auto pump =
        std::make_shared<BodyPump>(request->host->shared_from_this(), request->exchange, handle, function, context);
    request->body = pump;
    pump->start();
    return ATRIUM_OK;
  });
}

std::int32_t body_resume(atrium_request* handle) {
  return guard(nullptr, [&] {
    const Request* request = requests().find(handle);
    if (request == nullptr || !request->body) return ATRIUM_E_INVALID;
    const auto pump = request->body;
    return pump->resume() ? ATRIUM_OK : ATRIUM_E_INVALID;
  });
}

}  // namespace

void end_requests(HostState& host) {
  std::vector<atrium_request*> left;
  {
    const std::lock_guard lock(host.mutex);
    left.assign(host.deferred.begin(), host.deferred.end());
  }
  for (atrium_request* handle : left) {
    const auto request = consume(handle);
    if (!request) continue;
    if (request->streaming) {
      request->exchange->stream_abort();
    } else {
      answer_stopping(request->exchange);
    }
  }
}

const atrium_http http_table = {
    sizeof(atrium_http), 0,          route,       path,    query,     header,        body,         request_id,
    principal,           set_header, defer,       respond, cancelled, on_cancel,     stream_begin, stream_write,
    stream_end,          body_read,  body_resume, target,  origin,    stream_length, stream_abort,
};

}  // namespace kernel::abi
