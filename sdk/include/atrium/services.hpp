#pragma once
// Services: how plugins use each other, by name and by value.
#include <atrium/async.hpp>
#include <atrium/http.hpp>
#include <atrium/store.hpp>

namespace atrium {

/// An incoming call. Copies share it; it is answered by what its handler returns or throws.
class Call {
  struct State {
    const Host* host;
    atrium_call* raw;
    Cancellation cancellation{};
    State(const Host* host, atrium_call* raw) : host(host), raw(raw) {}
    State(const State&) = delete;
    ~State() {
      if (raw) host->services().reply(raw, ATRIUM_E_INTERNAL, view(R"({"message":"The provider gave no answer."})"));
    }
  };

 public:
  Call(const Host& host, atrium_call* raw) : state_(std::make_shared<State>(&host, raw)) {
    if (services().call_tx(raw)) return;  // inside a transaction nothing waits, so nothing is cancelled
    auto* cancellation = new Cancellation(state_->cancellation);
    services().on_cancel(
        raw,
        [](void* self, std::int32_t cancelled) {
          const std::unique_ptr<Cancellation> cancellation(static_cast<Cancellation*>(self));
          if (cancelled) cancellation->request();
        },
        cancellation);
  }

  std::string_view method() const { return text_of(services().call_method(state_->raw)); }
  std::string_view text() const { return text_of(services().call_json(state_->raw)); }
  Json json() const {
    const auto body = text();
    Json json = body.empty() ? Json::object() : Json::parse(body, nullptr, false);
    if (json.is_discarded()) throw bad_request("The call's arguments are not JSON.");
    return json;
  }
  template <Described T>
  T arguments() const {
    return from_message<T>(json());
  }
  Principal principal() const { return Principal::borrowed(*state_->host, services().call_principal(state_->raw)); }
  /// The plugin that calls; "kernel" for the kernel's own calls.
  std::string_view caller() const { return text_of(services().call_caller(state_->raw)); }
  bool in_transaction() const { return services().call_tx(state_->raw) != nullptr; }
  Transaction transaction() const { return {*state_->host, services().call_tx(state_->raw)}; }
  const Cancellation& cancellation() const { return state_->cancellation; }
  bool cancelled() const { return services().call_cancelled(state_->raw) != 0; }
  /// A piece of a streaming answer. False: nobody waits any more.
  bool emit(const Json& piece) const {
    const std::string text = dump(piece);
    return services().emit(state_->raw, view(text)) >= 0;
  }

  void reply(const Json& json) const { finish(ATRIUM_OK, json); }
  void fail_current() const {
    try {
      throw;
    } catch (const Problem& problem) {
      Json json{
          {"message", problem.what()}, {"status", problem.status}, {"type", problem.type}, {"title", problem.title}};
      if (const auto pause = problem.retry_after()) json["retry_after_seconds"] = pause->count();
      for (const auto& fault : problem.errors)
        json["errors"].push_back({{"pointer", fault.pointer}, {"detail", fault.detail}});
      finish(code_for(problem.status), json);
    } catch (const detail::StatementFailed& failed) {
      finish(failed.code, {{"message", failed.message}});
    } catch (const std::exception& error) {
      state_->host->log(Level::error, "A service call failed", {{"method", method()}, {"error", error.what()}});
      finish(ATRIUM_E_INTERNAL, {{"message", "The provider failed inside."}});
    }
  }

 private:
  const atrium_services& services() const { return state_->host->services(); }
  void finish(std::int32_t status, const Json& json) const {
    const std::string text = dump(json);
    services().reply(std::exchange(state_->raw, nullptr), status, view(text));
  }
  std::shared_ptr<State> state_;
};

struct CallOptions {
  Principal who{};  ///< in whose name; empty: this plugin itself
  std::chrono::milliseconds timeout{30'000};
  std::function<void(Json)> on_piece{};  ///< pieces of a streaming answer, in order, one at a time
  std::optional<Cancellation> cancellation{};
};

namespace detail {

/// The problem that a failed call's answer describes.
inline Problem problem_of(std::int32_t status, std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  Problem problem = problem_for(status, json.is_object() ? json.value("message", std::string()) : std::string(text));
  if (json.is_object() && json.contains("status")) {
    problem.status = json.value("status", problem.status);
    problem.type = json.value("type", problem.type);
    problem.title = json.value("title", problem.title);
    if (const auto pause = json.value("retry_after_seconds", std::int64_t{-1}); pause >= 0)
      problem.retry_in(std::chrono::seconds(pause));
    for (const auto& fault : json.value("errors", Json::array()))
      problem.errors.push_back({fault.value("pointer", ""), fault.value("detail", "")});
  }
  return problem;
}

struct Calling {
  const Host* host;
  std::string service, method, json;
  CallOptions options;
  Rendezvous meeting{};
  std::coroutine_handle<> waiting{};
  std::recursive_mutex mutex{};  // cancel() may answer on its own thread, inside itself
  bool answered = false;
  std::int32_t status = ATRIUM_OK;
  std::string answer{};
  atrium_pending* pending = nullptr;
  Cancellation::Listener listener{};

  Calling(const Host* host, std::string service, std::string method, std::string json, CallOptions options)
      : host(host),
        service(std::move(service)),
        method(std::move(method)),
        json(std::move(json)),
        options(std::move(options)) {}

  bool await_ready() { return false; }
  bool await_suspend(std::coroutine_handle<> handle) {
    waiting = handle;
    Failure failure;
    std::int32_t started;
    {
      const std::lock_guard lock(mutex);
      started = host->services().call(host->raw(), nullptr, options.who.raw(), view(service), view(method), view(json),
                                      options.timeout.count(), options.on_piece ? &Calling::piece : nullptr,
                                      &Calling::reply, this, &pending, failure);
    }
    if (started < 0) {
      status = started;
      answer = dump(Json{{"message", failure.raw.message}});
      return false;
    }
    if (options.cancellation)
      listener = options.cancellation->on_request([this] {
        const std::lock_guard lock(mutex);
        if (!answered) host->services().cancel(pending);
      });
    return !meeting.arrive();
  }
  Json await_resume() {
    listener = {};
    if (status < 0) throw problem_of(status, answer);
    return answer.empty() ? Json() : Json::parse(answer, nullptr, false);
  }

  static void piece(void* self, atrium_str json) {
    static_cast<Calling*>(self)->options.on_piece(Json::parse(text_of(json), nullptr, false));
  }
  static void reply(void* self, std::int32_t status, atrium_str json) {
    auto* calling = static_cast<Calling*>(self);
    {
      const std::lock_guard lock(calling->mutex);
      calling->answered = true;
      calling->status = status;
      calling->answer = text_of(json);
    }
    if (calling->meeting.arrive()) calling->waiting.resume();
  }
};

}  // namespace detail

struct ServiceInfo {
  std::string service;
  Json metadata;
  /// "agent.tool/calculator" -> "calculator"
  std::string name() const { return service.substr(service.find('/') + 1); }
};

/// A service of a kind whose metadata are described by M.
template <class M>
struct Offer {
  std::string name;
  M metadata;
};

class Services {
 public:
  Services() = default;
  explicit Services(const Host& host) : host_(&host) {}

  /// Awaitable: the answer as JSON; throws the problem that the provider answered, 404 when nobody provides it.
  auto call(std::string service, std::string method, const Json& arguments, CallOptions options = {}) const {
    return detail::Calling(host_, std::move(service), std::move(method), dump(arguments), std::move(options));
  }
  /// The services of a kind that are there now, or the one of that full name.
  std::vector<ServiceInfo> find(std::string_view kind_or_service) const {
    std::vector<ServiceInfo> found;
    host_->services().find(
        host_->raw(), view(kind_or_service),
        [](void* self, atrium_str service, atrium_str metadata) {
          static_cast<std::vector<ServiceInfo>*>(self)->push_back(
              {std::string(text_of(service)), Json::parse(text_of(metadata), nullptr, false)});
        },
        &found);
    return found;
  }
  bool has(std::string_view service) const { return !find(service).empty(); }
  /// The same with typed metadata; a service whose metadata do not fit is left out, and logged.
  template <Described M>
  std::vector<Offer<M>> offers(std::string_view kind_or_service) const {
    std::vector<Offer<M>> all;
    for (const auto& found : find(kind_or_service)) {
      try {
        all.push_back({found.name(), from_message<M>(found.metadata)});
      } catch (const Problem& problem) {
        host_->log(Level::warning, "A service is left out: its metadata do not fit its kind",
                   {{"service", found.service}, {"error", problem.what()}});
      }
    }
    return all;
  }

 private:
  const Host* host_ = nullptr;
};

inline Json Transaction::call(std::string_view service, std::string_view method, const Json& arguments,
                              const Principal& who) const {
  struct Answer {
    std::int32_t status = ATRIUM_E_INTERNAL;
    std::string json;
  } answer;
  Failure failure;
  const std::string text = dump(arguments);
  const auto started = host_->services().call(
      host_->raw(), raw_, who.raw(), view(service), view(method), view(text), Store::default_timeout_ms, nullptr,
      [](void* self, std::int32_t status, atrium_str json) {
        *static_cast<Answer*>(self) = {status, std::string(text_of(json))};
      },
      &answer, nullptr, failure);
  failure.check(started);
  if (answer.status < 0) throw detail::problem_of(answer.status, answer.json);
  return answer.json.empty() ? Json() : Json::parse(answer.json, nullptr, false);
}

/// Directories are services that know resources by id: method "get" {id} answers the resource or 404. Throws the 422
/// that a reference to nothing deserves; answers the resource otherwise.
inline Json require(const Transaction& tx, std::string_view directory, const Id& id, std::string pointer) {
  try {
    return tx.call(directory, "get", {{"id", id.text()}});
  } catch (const Problem& problem) {
    if (problem.status != 404) throw;
    throw invalid(std::move(pointer), "there is none with this id");
  }
}

}  // namespace atrium
