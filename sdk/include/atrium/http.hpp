#pragma once
// Requests and replies of a plugin's routes.
#include <atrium/async.hpp>
#include <atrium/host.hpp>
#include <atrium/members.hpp>

#include <concepts>

namespace atrium {

struct Reply {
  int status = 200;
  std::string body;
  std::string type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers{};
};

inline Reply ok(std::string json) { return {.status = 200, .body = std::move(json)}; }
inline Reply ok(const Json& json) { return ok(dump(json)); }
template <Described T>
Reply ok(const T& value, Showing showing = Showing::usual) {
  Reply reply = ok(to_json(value, showing));
  if constexpr (requires { value.revision; })
    reply.headers.emplace_back("etag", '"' + std::to_string(value.revision) + '"');
  return reply;
}
inline Reply no_content() { return {.status = 204, .body = {}, .type = {}}; }

/// One request of this plugin's; answer it once. One that is dropped unanswered becomes a 500.
class Request {
 public:
  Request(const Host& host, atrium_request* raw) : host_(&host), raw_(raw) {}
  Request(Request&& other) noexcept : host_(other.host_), raw_(std::exchange(other.raw_, nullptr)) {}
  Request& operator=(Request&&) = delete;
  ~Request() {
    if (raw_) fail(Problem(500, "internal", "Something went wrong inside", "The handler gave no answer."));
  }

  const Host& host() const { return *host_; }
  atrium_request* raw() const { return raw_; }
  std::string_view path(std::string_view name) const { return text_of(http().path(raw_, view(name))); }
  /// The path's {id}; a malformed one answers 404 as an unknown one does.
  Id id(std::string_view name = "id") const {
    if (auto id = Id::parse(path(name))) return *id;
    throw not_found();
  }
  std::optional<std::string_view> query(std::string_view name) const { return present(http().query(raw_, view(name))); }
  std::optional<std::string_view> header(std::string_view name) const {
    return present(http().header(raw_, view(name)));
  }
  std::string_view body() const { return text_of(http().body(raw_)); }
  std::string_view request_id() const { return text_of(http().request_id(raw_)); }
  std::string_view target() const { return text_of(http().target(raw_)); }
  /// "https://host:port", as the client addressed this kernel.
  std::string_view origin() const { return text_of(http().origin(raw_)); }
  Principal principal() const { return Principal::borrowed(*host_, http().principal(raw_)); }
  bool cancelled() const { return http().cancelled(raw_) != 0; }
  /// Requested when the client goes before its answer is complete. Once for a request.
  Cancellation cancellation() const {
    Cancellation cancellation;
    http().on_cancel(
        raw_,
        [](void* self, std::int32_t cancelled) {
          const std::unique_ptr<Cancellation> cancellation(static_cast<Cancellation*>(self));
          if (cancelled) cancellation->request();
        },
        new Cancellation(cancellation));
    return cancellation;
  }

  /// The body as a described object, or the 400 or 422 that it deserves.
  template <Described T>
  T parse() const {
    return atrium::parse<T>(body());
  }
  /// A whole number from the query; 422 when it is none or out of range.
  std::int64_t number(std::string_view name, std::int64_t otherwise, std::int64_t least, std::int64_t most) const {
    const auto text = query(name);
    if (!text) return otherwise;
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
    if (error != std::errc() || end != text->data() + text->size() || value < least || value > most)
      throw invalid("?" + std::string(name),
                    "must be a whole number from " + std::to_string(least) + " to " + std::to_string(most));
    return value;
  }

  void respond(const Reply& reply) {
    for (const auto& [name, value] : reply.headers) http().set_header(raw_, view(name), view(value));
    http().respond(std::exchange(raw_, nullptr), reply.status, view(reply.type), view(reply.body));
  }
  void fail(const Problem& problem) {
    Problem shown = problem;
    if (problem.status >= 500 && (problem.status < 502 || problem.status > 504)) {  // those speak of other hosts
      host_->log(Level::error, problem.what(), {{"request_id", request_id()}, {"target", target()}});
      shown.detail = "Tell the operator this request id.";
    }
    Reply reply{.status = shown.status, .body = {}, .type = "application/problem+json", .headers = shown.headers};
    const auto where = target();
    reply.body = shown.body(where.substr(0, where.find('?')), request_id());
    respond(reply);
  }
  /// Answers with what is being thrown; call it inside a catch block.
  void fail_current() {
    try {
      throw;
    } catch (const Problem& problem) {
      fail(problem);
    } catch (const std::exception& error) {
      fail(Problem(500, "internal", "Something went wrong inside", error.what()));
    } catch (...) {
      fail(Problem(500, "internal", "Something went wrong inside", "an unknown exception"));
    }
  }
  /// Gives the handle away: whoever takes it answers.
  atrium_request* release() { return std::exchange(raw_, nullptr); }
  /// Keeps the request beyond its handler; the handler then returns without answering.
  Request defer() {
    http().defer(raw_);
    return std::move(*this);
  }

 private:
  const atrium_http& http() const { return host_->http(); }
  static std::optional<std::string_view> present(atrium_str s) {
    if (!s.data) return std::nullopt;
    return std::string_view(s.data, s.len);
  }
  const Host* host_;
  atrium_request* raw_;
};

/// The body of a route with body_type "stream", read from the client only as it is asked for.
class BodyReader {
 public:
  explicit BodyReader(const Request& request) : http_(&request.host().http()), raw_(request.raw()) {}
  BodyReader(const BodyReader&) = delete;

  /// Awaitable: the next piece, nullopt at the end. Throws when the client goes, breaks the framing or sends too much.
  auto next() {
    struct Next {
      BodyReader* reader;
      bool await_ready() { return reader->over_; }
      void await_suspend(std::coroutine_handle<> handle) { reader->ask(handle); }
      std::optional<std::string> await_resume() {
        if (reader->failure_) throw *reader->failure_;
        return std::exchange(reader->piece_, std::nullopt);
      }
    };
    return Next{this};
  }

 private:
  // A piece comes only while next() waits: a reader that is gone is never called.
  void ask(std::coroutine_handle<> handle) {
    waiting_ = handle;
    if (std::exchange(started_, true))
      http_->body_resume(raw_);
    else
      http_->body_read(raw_, &BodyReader::take, this);
  }
  static std::int32_t take(void* self, atrium_str data, std::int32_t last, const atrium_err* failure) {
    auto* reader = static_cast<BodyReader*>(self);
    if (failure) reader->failure_ = problem_for(failure->code, failure->message);
    if (data.len > 0) reader->piece_ = std::string(text_of(data));
    reader->over_ = last || failure;
    const std::int32_t status = reader->over_ ? ATRIUM_OK : ATRIUM_PENDING;
    std::exchange(reader->waiting_, nullptr).resume();  // it may end the reader
    return status;
  }

  const atrium_http* http_;
  atrium_request* raw_;
  std::optional<std::string> piece_;
  std::optional<Problem> failure_;
  std::coroutine_handle<> waiting_;
  bool started_ = false, over_ = false;
};

/// A streamed reply; it ends when this object does. Where an exception ends it, the client sees that it is incomplete.
class StreamReply {
 public:
  /// bytes: how many there will be, where that is known.
  StreamReply(Request request, int status, std::string_view type, std::optional<std::int64_t> bytes = {})
      : host_(&request.host()), raw_(request.release()) {
    if (bytes) host_->http().stream_length(raw_, *bytes);
    alive_ = host_->http().stream_begin(raw_, status, view(type)) >= 0;
  }
  StreamReply(const StreamReply&) = delete;
  ~StreamReply() {
    if (std::uncaught_exceptions() > exceptions_)
      host_->http().stream_abort(raw_);
    else
      host_->http().stream_end(raw_);
  }

  /// Awaitable: sends a piece and goes on once the client keeps up. False: the client has gone.
  auto send(std::string_view data) {
    struct Sending {
      StreamReply* reply;
      std::string_view data;
      Rendezvous meeting{};
      std::coroutine_handle<> waiting{};

      bool await_ready() { return !reply->alive_; }
      bool await_suspend(std::coroutine_handle<> handle) {
        waiting = handle;
        const auto writable = [](void* self) {
          auto* sending = static_cast<Sending*>(self);
          if (sending->meeting.arrive()) sending->waiting.resume();
        };
        const auto status = reply->host_->http().stream_write(reply->raw_, view(data), writable, this);
        if (status == ATRIUM_PENDING) return !meeting.arrive();
        reply->alive_ = status >= 0;
        return false;
      }
      bool await_resume() { return reply->alive_ && !reply->host_->http().cancelled(reply->raw_); }
    };
    return Sending{this, data};
  }

 private:
  const Host* host_;
  atrium_request* raw_;
  bool alive_ = true;
  int exceptions_ = std::uncaught_exceptions();
};

enum class Runs : std::uint8_t { io, fast_read, pool };

struct RouteOptions {
  std::string_view summary;
  std::string_view description{};
  std::vector<std::string_view> access{"user"};  ///< any of: none, user, admin, link, a kind of issued token
  Runs runs = Runs::pool;
  Json body{};  ///< schema; null: the route takes no body
  std::string_view body_type = "json";
  bool body_required = true;
  Json query = Json::array();  ///< OpenAPI parameters, see query_parameter()
  int status = 200;            ///< of success
  Json answer{};               ///< schema of success; null: none
  std::string_view tag{};
  bool viewer = false;  ///< a viewer may call it although it writes
  bool idempotency = true;
  std::optional<bool> write{};  ///< default: every method but GET writes
};

inline Json query_parameter(std::string_view name, std::string_view description, Json schema = {{"type", "string"}}) {
  return {{"name", name}, {"in", "query"}, {"description", description}, {"schema", std::move(schema)}};
}

inline Json declaration(std::string_view method, std::string_view path, const RouteOptions& options) {
  static constexpr std::array<std::string_view, 3> threads{"io", "fast_read", "pool"};
  Json json{{"method", method},
            {"path", path},
            {"access", options.access},
            {"summary", options.summary},
            {"runs", threads[static_cast<std::size_t>(options.runs)]},
            {"query", options.query},
            {"answers", {{std::to_string(options.status), options.answer}}}};
  if (!options.description.empty()) json["description"] = options.description;
  if (!options.tag.empty()) json["tag"] = options.tag;
  if (!options.body.is_null()) json["body"] = options.body, json["required"] = options.body_required;
  if (!options.body.is_null() || options.body_type == "stream") json["body_type"] = options.body_type;
  if (options.viewer) json["viewer"] = true;
  if (!options.idempotency) json["idempotency"] = false;
  if (options.write) json["write"] = *options.write;
  return json;
}

}  // namespace atrium
