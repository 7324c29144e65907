#pragma once
// HTTP of the fake host: the routes that the plugin declared, and requests to them without a socket.
#include "fake_jobs.hpp"

#include <atrium/grants.hpp>
#include <atrium/http.hpp>

#include <algorithm>
#include <optional>
#include <stdexcept>

namespace atrium::testing {

using Headers = std::map<std::string, std::string, std::less<>>;

/// What a client gets. Streamed replies: `pieces` as they came, `body` all of them together.
struct Response {
  int status = 0;
  Headers headers;  ///< lower-case names
  std::string body;
  std::vector<std::string> pieces;
  std::optional<std::int64_t> length{};  ///< of a streamed reply, where it was announced
  bool aborted = false;                  ///< the client saw that it is not complete

  Json json() const { return json_of(body); }
  std::string header(std::string_view name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? std::string() : found->second;
  }
  /// Of a 422: the pointers of its faults.
  std::set<std::string> pointers() const {
    std::set<std::string> pointers;
    for (const auto& fault : json().value("errors", Json::array()))
      pointers.insert(fault.at("pointer").get<std::string>());
    return pointers;
  }
};

/// One declared route.
struct FakeRoute {
  Json declaration;
  std::vector<std::string> segments;
  atrium_http_fn call;
  void* self;
};

}  // namespace atrium::testing

/// Behind a request's handle; lives as long as its host, so that a late use of the handle is noticed.
struct atrium_request {
  atrium::testing::FakeCore* core = nullptr;
  const atrium::testing::FakeRoute* route = nullptr;
  std::string method, target, body, id;
  atrium::testing::Headers path, query, headers;
  std::optional<atrium::testing::Who> who;
  std::size_t piece_size = 0;  ///< of a streamed body; 0: in one piece
  bool lagging = false;        ///< stream_write() answers ATRIUM_PENDING until read_on()

  atrium::testing::Response response{};
  bool deferred = false, streaming = false, answered = false, gone = false;
  atrium::testing::CancelNotice cancellation{};
  std::function<void()> on_writable{};
  atrium_body_fn on_body = nullptr;
  void* body_context = nullptr;
  std::size_t body_at = 0;
  bool body_paused = false, body_over = false, body_delivering = false, body_resumed_early = false;
};

namespace atrium::testing {

/// A request on its way, for tests of what happens in between.
class Exchange {
 public:
  explicit Exchange(std::shared_ptr<atrium_request> request) : request_(std::move(request)) {}
  bool answered() const {
    const std::lock_guard lock(request_->core->mutex);
    return request_->answered;
  }
  /// The pieces so far of a streamed reply are in it before the end, too.
  Response response() const {
    const std::lock_guard lock(request_->core->mutex);
    return request_->response;
  }
  /// The client goes away.
  void cancel() {
    {
      const std::lock_guard lock(request_->core->mutex);
      if (request_->answered || std::exchange(request_->gone, true)) return;
    }
    request_->cancellation.end(true);
    read_on();
    request_->core->jobs->settle();
  }
  /// A lagging client reads what was written: the plugin may write on.
  void read_on() {
    std::function<void()> notify;
    {
      const std::lock_guard lock(request_->core->mutex);
      notify.swap(request_->on_writable);
    }
    if (notify) notify();
    request_->core->jobs->settle();
  }

 private:
  std::shared_ptr<atrium_request> request_;
};

/// What sign_path() of the fake host makes of a path below /api/v1.
inline std::string signed_target(const std::string& path, const std::string& expires) {
  return path + "?expires=" + expires + "&signature=fake";
}

class FakeHttp {
 public:
  explicit FakeHttp(FakeCore& core) : core_(core) {}

  /// As granted in plugin.json: paths, each with those below. Empty: every one.
  std::optional<std::vector<std::string>> granted;
  /// The declaration of a route, as the plugin gave it: declaration("GET", "/notes/{id}").
  Json declaration(std::string_view method, std::string_view path) const {
    for (const auto& route : routes_)
      if (route.declaration["method"] == method && route.declaration["path"] == path) return route.declaration;
    throw std::logic_error(std::string(method) + " " + std::string(path) + " is not declared; there are:" + listing());
  }
  struct Options {
    Headers headers{};
    std::size_t piece_size = 0;
    bool lagging = false;
  };
  /// `target`: path below /api/v1, with a query. Access is checked as the kernel does it.
  Exchange begin(std::string_view method, std::string_view target, std::string body, const Who& who, Options options) {
    auto request = std::make_shared<atrium_request>();
    request->core = &core_;
    request->method = method;
    request->target = std::string(api_prefix) + std::string(target);
    request->body = std::move(body);
    for (const auto& [name, value] : options.headers) request->headers[lower(name)] = value;
    if (!who.kind.empty()) request->who = who;
    request->piece_size = options.piece_size;
    request->lagging = options.lagging;
    const auto mark = target.find('?');
    request->query = mark == target.npos ? Headers{} : parse_query(target.substr(mark + 1));
    request->route = find(method, target.substr(0, mark), request->path);
    {
      const std::lock_guard lock(core_.mutex);
      request->id = "request-" + std::to_string(requests_.size() + 1);
      requests_.push_back(request);
    }
    become_link(*request);
    if (const int refused = refusal(*request)) {
      request->response.status = refused;
      request->answered = true;
    } else {
      run(request.get());
    }
    return Exchange(std::move(request));
  }
  void withdraw() {
    for (const auto& request : requests_) request->route = nullptr;
    routes_.clear();
  }
  /// Requests that nobody has answered.
  std::size_t open() const {
    const std::lock_guard lock(core_.mutex);
    return static_cast<std::size_t>(
        std::count_if(requests_.begin(), requests_.end(), [](const auto& request) { return !request->answered; }));
  }

  static const atrium_http table;
  /// Answers with bytes that another part of the fake host has.
  static void answer(atrium_request* request, std::int32_t status, std::string type, std::string body) {
    respond(request, status, view(type), view(body));
  }

 private:
  static constexpr std::string_view api_prefix = "/api/v1";

  static std::string lower(std::string_view name) {
    std::string out(name);
    for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return out;
  }
  static std::string percent_decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '%' && i + 2 < text.size()) {
        out += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
        i += 2;
      } else {
        out += text[i];
      }
    }
    return out;
  }
  static Headers parse_query(std::string_view text) {
    Headers query;
    while (!text.empty()) {
      const auto pair = text.substr(0, text.find('&'));
      text.remove_prefix(std::min(pair.size() + 1, text.size()));
      const auto equals = pair.find('=');
      const auto value = equals == pair.npos ? std::string_view{} : pair.substr(equals + 1);
      query.emplace(percent_decoded(pair.substr(0, equals)), percent_decoded(value));
    }
    return query;
  }
  static std::vector<std::string> split(std::string_view path) {
    std::vector<std::string> segments;
    while (!path.empty()) {
      path.remove_prefix(path.front() == '/' ? 1 : 0);
      segments.emplace_back(path.substr(0, path.find('/')));
      path.remove_prefix(segments.back().size());
    }
    return segments;
  }
  static bool is_parameter(const std::string& segment) { return segment.starts_with('{'); }

  /// Of two that match, the one with the fewer parameters.
  const FakeRoute* find(std::string_view method, std::string_view path, Headers& values) const {
    const auto segments = split(path);
    const FakeRoute* best = nullptr;
    std::ptrdiff_t least = 0;
    for (const auto& route : routes_) {
      if (route.declaration["method"] != method || route.segments.size() != segments.size()) continue;
      bool fits = true;
      for (std::size_t i = 0; i < segments.size() && fits; ++i)
        fits = is_parameter(route.segments[i]) || route.segments[i] == segments[i];
      const auto parameters = std::count_if(route.segments.begin(), route.segments.end(), is_parameter);
      if (fits && (!best || parameters < least)) best = &route, least = parameters;
    }
    if (!best)
      throw std::logic_error("no route for " + std::string(method) + " " + std::string(path) +
                             "; there are:" + listing());
    for (std::size_t i = 0; i < segments.size(); ++i)
      if (const auto& name = best->segments[i]; is_parameter(name))
        values[name.substr(1, name.size() - 2)] = percent_decoded(segments[i]);
    return best;
  }
  std::string listing() const {
    std::string out;
    for (const auto& route : routes_)
      out.append("\n  ")
          .append(route.declaration.value("method", ""))
          .append(" ")
          .append(route.declaration.value("path", ""));
    return out;
  }
  /// As the kernel knows a path that FakeAuth signed.
  static void become_link(atrium_request& request) {
    const auto& access = request.route->declaration["access"];
    const bool takes_links = std::find(access.begin(), access.end(), "link") != access.end();
    if (!takes_links || request.who || !request.query.contains("signature")) return;
    const auto path = request.target.substr(0, request.target.find('?'));
    const bool good = request.target == signed_target(path, request.query["expires"]);
    request.who = Who{good ? "link" : "spoilt link", path, {}};
  }
  static int refusal(const atrium_request& request) {
    const auto& declared = request.route->declaration;
    const auto allows = [&](std::string_view who) {
      const auto& access = declared["access"];
      return std::find(access.begin(), access.end(), who) != access.end();
    };
    if (allows("none")) return 0;
    if (!request.who) return 401;
    const auto& who = *request.who;
    if (who.kind != "user") return allows(who.kind) ? 0 : 403;
    if (!allows("user") && !(allows("admin") && who.role == "admin")) return 403;
    const bool writes = declared.value("write", request.method != "GET");
    return who.role == "viewer" && writes && !declared.value("viewer", false) ? 403 : 0;
  }
  void run(atrium_request* request) {
    const auto status = request->route->call(request->route->self, request);
    const std::lock_guard lock(core_.mutex);
    if (request->answered || (status == ATRIUM_PENDING && request->deferred)) return;
    if (status == ATRIUM_PENDING && request->streaming) return;
    request->response.status = 500;  // as the kernel answers for it
    request->answered = true;
  }

  static atrium_request& open_one(atrium_request* request) {
    if (!request) broken("a request's handle is NULL");
    if (request->answered)
      broken("a request's handle is used after it was answered: " + request->method + " " + request->target);
    return *request;
  }
  static atrium_str found(const Headers& in, std::string_view name) {
    const auto at = in.find(name);
    return at == in.end() ? absent() : view(at->second);
  }
  static void finish(atrium_request& request) {
    {
      const std::lock_guard lock(request.core->mutex);
      request.answered = true;
    }
    request.cancellation.end(false);
  }

  static std::int32_t declare(const atrium_host* host, atrium_str text, atrium_http_fn call, void* self,
                              atrium_err* error);
  static std::int32_t respond(atrium_request* handle, std::int32_t status, atrium_str type, atrium_str body);
  static std::int32_t stream_write(atrium_request* handle, atrium_str data, atrium_notify_fn notify, void* context);
  static void pump_body(atrium_request* request);

  FakeCore& core_;
  std::deque<FakeRoute> routes_;
  std::vector<std::shared_ptr<atrium_request>> requests_;
};

inline std::int32_t FakeHttp::declare(const atrium_host* host, atrium_str text, atrium_http_fn call, void* self,
                                      atrium_err* error) {
  auto* http = FakeCore::of(host).http;
  auto declared = json_of(text_of(text));
  if (!declared.is_object()) return fail(error, ATRIUM_E_INVALID, "a route's declaration is not a JSON object");
  for (const auto* member : {"method", "path", "access", "summary", "runs", "answers"})
    if (!declared.contains(member)) return fail(error, ATRIUM_E_INVALID, std::string("a route needs ") + member);
  if (declared["access"].empty()) return fail(error, ATRIUM_E_INVALID, "a route must say who may call it");
  for (const auto& route : http->routes_)
    if (route.declaration["method"] == declared["method"] && route.declaration["path"] == declared["path"])
      return fail(error, ATRIUM_E_INVALID, "this route is declared already: " + declared["path"].get<std::string>());
  const auto path = declared["path"].get<std::string>();
  if (http->granted && !grants::any(*http->granted, grants::route, path))
    return fail(error, ATRIUM_E_DENIED, "plugin.json does not list " + path + " under \"routes\"");
  auto segments = split(path);
  http->routes_.push_back({std::move(declared), std::move(segments), call, self});
  return ATRIUM_OK;
}

inline std::int32_t FakeHttp::respond(atrium_request* handle, std::int32_t status, atrium_str type, atrium_str body) {
  auto& request = open_one(handle);
  if (request.streaming) return ATRIUM_E_INVALID;
  request.response.status = status;
  request.response.body = string_of(body);
  if (!text_of(type).empty()) request.response.headers["content-type"] = string_of(type);
  finish(request);
  return ATRIUM_OK;
}

inline std::int32_t FakeHttp::stream_write(atrium_request* handle, atrium_str data, atrium_notify_fn notify,
                                           void* context) {
  auto& request = open_one(handle);
  const std::lock_guard lock(request.core->mutex);
  if (!request.streaming) return ATRIUM_E_INVALID;
  if (request.gone) return ATRIUM_E_CANCELLED;
  request.response.pieces.push_back(string_of(data));
  request.response.body += text_of(data);
  if (!request.lagging) return ATRIUM_OK;
  request.on_writable = [notify, context] {
    if (notify) notify(context);
  };
  return ATRIUM_PENDING;
}

/// Hands on the body, a piece at a time, until the plugin pauses or refuses.
inline void FakeHttp::pump_body(atrium_request* request) {
  request->core->jobs->post([request] {
    while (!request->body_over && !request->body_paused) {
      const auto rest = std::string_view(request->body).substr(request->body_at);
      const auto piece = request->piece_size == 0 ? rest : rest.substr(0, request->piece_size);
      request->body_at += piece.size();
      const bool last = request->body_at == request->body.size();
      request->body_delivering = true;
      const auto status = request->on_body(request->body_context, view(piece), last ? 1 : 0, nullptr);
      request->body_delivering = false;
      request->body_over = last || status < 0;
      request->body_paused = status == ATRIUM_PENDING && !std::exchange(request->body_resumed_early, false);
    }
  });
}

inline const atrium_http FakeHttp::table{
    sizeof(atrium_http),
    0,
    &FakeHttp::declare,
    [](atrium_request* request, atrium_str name) { return found(open_one(request).path, text_of(name)); },
    [](atrium_request* request, atrium_str name) { return found(open_one(request).query, text_of(name)); },
    [](atrium_request* request, atrium_str name) { return found(open_one(request).headers, lower(text_of(name))); },
    [](atrium_request* request) { return view(open_one(request).body); },
    [](atrium_request* request) { return view(open_one(request).id); },
    [](atrium_request* request) -> const atrium_principal* {
      const auto& who = open_one(request).who;
      return who ? &*who : nullptr;
    },
    [](atrium_request* request, atrium_str name, atrium_str value) -> std::int32_t {
      if (open_one(request).streaming) return ATRIUM_E_INVALID;
      request->response.headers[lower(text_of(name))] = string_of(value);
      return ATRIUM_OK;
    },
    [](atrium_request* request) -> std::int32_t {
      open_one(request).deferred = true;
      return ATRIUM_OK;
    },
    &FakeHttp::respond,
    [](atrium_request* request) -> std::int32_t { return open_one(request).gone ? 1 : 0; },
    [](atrium_request* request, atrium_cancel_fn notify, void* context) {
      open_one(request).cancellation.set(notify, context);
    },
    [](atrium_request* request, std::int32_t status, atrium_str type) -> std::int32_t {
      if (std::exchange(open_one(request).streaming, true)) return ATRIUM_E_INVALID;
      request->response.status = status;
      if (!text_of(type).empty()) request->response.headers["content-type"] = string_of(type);
      return ATRIUM_OK;
    },
    &FakeHttp::stream_write,
    [](atrium_request* request) -> std::int32_t {
      if (!open_one(request).streaming) return ATRIUM_E_INVALID;
      finish(*request);
      return ATRIUM_OK;
    },
    [](atrium_request* request, atrium_body_fn take, void* context) -> std::int32_t {
      if (open_one(request).on_body || request->route->declaration.value("body_type", "") != "stream")
        return ATRIUM_E_INVALID;
      request->on_body = take;
      request->body_context = context;
      pump_body(request);
      return ATRIUM_OK;
    },
    [](atrium_request* request) -> std::int32_t {
      if (open_one(request).body_delivering) return (request->body_resumed_early = true), ATRIUM_OK;
      if (!std::exchange(request->body_paused, false)) return ATRIUM_E_INVALID;
      pump_body(request);
      return ATRIUM_OK;
    },
    [](atrium_request* request) { return view(open_one(request).target); },
    [](atrium_request*) { return view(std::string_view("http://atrium.test")); },
    [](atrium_request* request, std::int64_t bytes) -> std::int32_t {
      if (open_one(request).streaming || bytes < 0) return ATRIUM_E_INVALID;
      request->response.length = bytes;
      return ATRIUM_OK;
    },
    [](atrium_request* request) -> std::int32_t {
      if (!open_one(request).streaming) return ATRIUM_E_INVALID;
      request->response.aborted = true;
      finish(*request);
      return ATRIUM_OK;
    }};

}  // namespace atrium::testing
