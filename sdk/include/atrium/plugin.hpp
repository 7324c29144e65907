#pragma once
// The base of a plugin: what start() may declare, and the bridge to the boundary's table.
#include <atrium/commit.hpp>
#include <atrium/egress.hpp>
#include <atrium/http.hpp>
#include <atrium/metrics.hpp>
#include <atrium/objects.hpp>
#include <atrium/resource.hpp>
#include <atrium/services.hpp>
#include <atrium/store.hpp>

#include <condition_variable>

namespace atrium {

inline constexpr std::string_view api_base = "/api/v1";

/// What a tool may do to the world; decides with an agent's autonomy whether a person is asked first.
enum class Risk : std::uint8_t { reads, writes, dangerous };
constexpr auto names_of(Risk) {
  using namespace std::string_view_literals;
  return std::array{"reads"sv, "writes"sv, "dangerous"sv};
}

struct ToolOptions {
  std::string_view summary;
  Risk risk = Risk::reads;
};

/// A tool's call: for whom, and how to notice that nobody waits any more.
struct ToolCall {
  Call call;
  std::string agent_id, task_id;
  Principal agent;
};

namespace detail {

template <class R>
inline constexpr bool is_async = false;
template <class T>
inline constexpr bool is_async<Async<T>> = true;

struct Timer {
  const Host* host;
  std::function<void()> work;
  atrium_timer* raw = nullptr;
  ~Timer() {
    if (raw) host->jobs().cancel(raw);
  }
};

struct Subscription {
  const Host* host;
  std::function<void(const atrium_event&)> take;
  atrium_sub* raw = nullptr;
  ~Subscription() {
    if (raw) host->events().unsubscribe(raw);
  }
};

struct Route {
  const Host* host;
  std::function<void(Request)> run;

  static std::int32_t call(void* self, atrium_request* raw) {
    auto* route = static_cast<Route*>(self);
    Request request(*route->host, raw);
    try {
      route->run(std::move(request));
    } catch (...) {
      return ATRIUM_E_INTERNAL;  // only a failure to answer comes here; the host answers 500
    }
    return ATRIUM_PENDING;
  }
};

}  // namespace detail

/// An event as a subscriber gets it.
struct Event {
  std::int64_t sequence = 0;
  Time time;
  std::string_view topic, resource_id, owner, actor, data;
  Json json() const { return Json::parse(data, nullptr, false); }
};

/// A service of this plugin: one handler for each method.
class Provided {
 public:
  /// handler: Json(const Call&), or Async<Json>(Call) for work that waits.
  template <class F>
  Provided& on(std::string method, F handler);
  /// The same with types: handler(prepare(call)) answers what is described, or an Async of it. For the faces of kinds.
  template <class Prepare, class F>
  Provided& on_typed(std::string method, Prepare prepare, F handler);

 private:
  friend class Plugin;
  class Plugin* plugin_ = nullptr;
  std::map<std::string, std::function<void(Call)>, std::less<>> methods_;
};

class Plugin {
 public:
  virtual ~Plugin() = default;

  /// Declares routes, services, tools, timers and subscriptions. What it throws is shown as the reason it did not
  /// start.
  virtual void start() = 0;
  /// Ends the plugin's own work; timers and subscriptions have ended, cancellation() is requested.
  virtual void stop() {}
  /// Throws what is wrong: /health is degraded, /settings/health says why. Asked often.
  virtual void health() {}

  /// In start(). service: "kind/name"; metadata is what others see of it. The faces of the kinds do this for you.
  Provided& provide(const std::string& service, const Json& metadata = Json::object()) {
    auto& entry = provided_.emplace_back();
    entry.plugin_ = this;
    const std::string text = dump(metadata);
    Failure failure;
    failure.check(host_.services().provide(host_.raw(), view(service), view(text), &Plugin::serve, &entry, failure));
    return entry;
  }

  // The boundary's side, also used by the kernel for what it builds in.
  void attach(const atrium_host* raw) {
    host_ = Host(raw);
    store_ = Store(host_);
    services_ = Services(host_);
    objects_ = Objects(host_);
  }
  void run_start() {
    start();
    for (auto& declare : deferred_) declare();
    deferred_.clear();
  }
  void quiesce(std::chrono::milliseconds deadline) {
    timers_.clear();
    subscriptions_.clear();
    cancellation_.request();
    stop();
    std::unique_lock lock(mutex_);
    idle_.wait_for(lock, deadline, [&] { return in_flight_ == 0; });
    if (in_flight_ > 0)
      throw problem_for(ATRIUM_E_TIMEOUT, std::to_string(in_flight_) + " pieces of work did not end in time");
  }

 protected:
  const Host& host() const { return host_; }
  const Store& store() const { return store_; }
  const Services& services() const { return services_; }
  const Objects& objects() const { return objects_; }
  Metrics metrics() const { return Metrics(host_); }
  const Cancellation& cancellation() const { return cancellation_; }

  /// The table [plugin.ID] of the configuration.
  Json configuration() const {
    Json json;
    host_.settings().configuration(
        host_.raw(),
        [](void* out, atrium_str text) { *static_cast<Json*>(out) = Json::parse(text_of(text), nullptr, false); },
        &json);
    return json.is_object() ? json : Json::object();
  }
  /// A variable that plugin.json lists under "environment"; empty when unset.
  std::string environment(std::string_view name) const {
    std::string value;
    host_.settings().environment(
        host_.raw(), view(name), [](void* out, atrium_str text) { *static_cast<std::string*>(out) = text_of(text); },
        &value);
    return value;
  }
  /// A setting that plugin.json declares, as it is now: read it where it is used. Throws where plugin.json declares
  /// none of this name and type, or where this kernel has no settings.
  template <class T>
  T setting(std::string_view key) const {
    const auto& table = host_.settings();
    if (!ATRIUM_HAS(&table, setting)) throw unavailable("This kernel has no live settings.");
    Json json;
    Failure failure;
    failure.check(table.setting(
        host_.raw(), view(key),
        [](void* out, atrium_str text) { *static_cast<Json*>(out) = Json::parse(text_of(text), nullptr, false); },
        &json, failure));
    return json.get<T>();
  }
  Principal act_as(std::string_view kind, std::string_view id) const { return Principal::act_as(host_, kind, id); }
  /// The path of a GET route of this plugin with access "link", as a target that works without a token until then.
  std::string sign_path(std::string_view path, Time expires) const {
    std::string target;
    Failure failure;
    failure.check(host_.auth().sign_path(
        host_.raw(), view(path), expires.microseconds,
        [](void* out, atrium_str made) { *static_cast<std::string*>(out) = text_of(made); }, &target, failure));
    return target;
  }
  /// A request to another host; awaitable.
  auto fetch(OutRequest request) const { return detail::Sending(&host_, std::move(request)); }

  // ---- routes ----
  /// handler: Reply(Request&) | Async<Reply>(Request&) | void(Request), which then answers itself, from any thread.
  template <class F>
  void route(std::string_view method, std::string path, const RouteOptions& options, F handler) {
    auto& entry = routes_.emplace_back();
    entry.host = &host_;
    if constexpr (std::is_invocable_v<F&, Request&>) {
      using R = std::invoke_result_t<F&, Request&>;
      if constexpr (detail::is_async<R>) {
        entry.run = [this, handler](Request request) { answer_later(request.defer(), handler); };
      } else {
        entry.run = [handler](Request request) {
          try {
            request.respond(handler(request));
          } catch (...) {
            request.fail_current();
          }
        };
      }
    } else {
      entry.run = [handler](Request request) { handler(request.defer()); };
    }
    const std::string text = dump(declaration(method, path, options));
    Failure failure;
    failure.check(host_.http().route(host_.raw(), view(text), &detail::Route::call, &entry, failure));
  }
  template <class F>
  void get(std::string path, RouteOptions options, F handler) {
    route("GET", std::move(path), options, std::move(handler));
  }
  template <class F>
  void post(std::string path, RouteOptions options, F handler) {
    route("POST", std::move(path), options, std::move(handler));
  }
  template <class F>
  void put(std::string path, RouteOptions options, F handler) {
    route("PUT", std::move(path), options, std::move(handler));
  }
  template <class F>
  void patch(std::string path, RouteOptions options, F handler) {
    options.body_type = "merge";
    route("PATCH", std::move(path), options, std::move(handler));
  }
  template <class F>
  void remove(std::string path, RouteOptions options, F handler) {
    route("DELETE", std::move(path), options, std::move(handler));
  }

  /// The usual routes of a stored resource; each is declared by naming it.
  template <Stored T>
  class Resource {
   public:
    Resource(Plugin& plugin, std::string path, std::string tag)
        : plugin_(&plugin), path_(std::move(path)), tag_(std::move(tag)) {}
    ListRoute<T>& list();
    ChangeRoute<T>& create(std::string path = {});
    void read(const std::function<void(RouteOptions&)>& adapt = {});
    ChangeRoute<T>& update();   ///< PATCH: merge patch
    ChangeRoute<T>& replace();  ///< PUT: the members given replace
    ChangeRoute<T>& remove();

   private:
    std::string item() const { return path_ + "/{id}"; }
    ChangeRoute<T>& change(std::string_view method);
    Plugin* plugin_;
    std::string path_, tag_;
  };
  template <Stored T>
  Resource<T> resource(std::string path, std::string tag) {
    return {*this, std::move(path), std::move(tag)};
  }

  // ---- tools; other services: provide() ----
  /// A tool for agents. handler: Json(const ToolCall&, Arguments) or Async<Json>(ToolCall, Arguments).
  template <Described Arguments, class F>
  void tool(const std::string& name, const ToolOptions& options, F handler) {
    Json metadata{
        {"summary", options.summary}, {"risk", name_of(options.risk)}, {"parameters", schema<Arguments>(true)}};
    metadata["parameters"]["additionalProperties"] = false;
    auto& entry = provide("agent.tool/" + name, metadata);
    if constexpr (detail::is_async<std::invoke_result_t<F&, ToolCall, Arguments>>) {
      entry.on("run", [this, handler](Call call) -> Async<Json> {
        const Json json = call.json();
        ToolCall tool = tool_call(call, json);
        Arguments arguments = from_json<Arguments>(json.value("arguments", Json::object()));
        co_return co_await handler(std::move(tool), std::move(arguments));
      });
    } else {
      entry.on("run", [this, handler](const Call& call) -> Json {
        const Json json = call.json();
        const ToolCall tool = tool_call(call, json);
        return handler(tool, from_json<Arguments>(json.value("arguments", Json::object())));
      });
    }
  }

  // ---- events, timers, own work ----
  /// Best effort from now on; on a pool thread, in order.
  void on_event(std::string_view pattern, std::function<void(const Event&)> take) {
    auto& entry = subscribe_entry([take = std::move(take)](const atrium_event& raw) { take(event_of(raw)); });
    Failure failure;
    failure.check(host_.events().subscribe(
        host_.raw(), view(pattern),
        [](void* self, const atrium_event* event) { static_cast<detail::Subscription*>(self)->take(*event); }, &entry,
        &entry.raw, failure));
  }
  /// Every matching event at least once, in order, across restarts; what the function throws brings it again later.
  void on_every_event(std::string_view name, std::string_view pattern, std::function<void(const Event&)> take) {
    auto& entry = subscribe_entry([take = std::move(take)](const atrium_event& raw) { take(event_of(raw)); });
    Failure failure;
    failure.check(host_.events().subscribe_durable(
        host_.raw(), view(name), view(pattern),
        [](void* self, const atrium_event* event) -> std::int32_t {
          auto* subscription = static_cast<detail::Subscription*>(self);
          try {
            subscription->take(*event);
            return ATRIUM_OK;
          } catch (const std::exception& error) {
            subscription->host->log(Level::warning, "An event will be tried again",
                                    {{"topic", text_of(event->topic)}, {"error", error.what()}});
            return ATRIUM_E_INTERNAL;
          }
        },
        &entry, &entry.raw, failure));
  }
  /// Never overlaps itself.
  void every(std::chrono::milliseconds period, std::function<void()> work) {
    auto& timer = *timers_.emplace_back(
        std::make_unique<detail::Timer>(detail::Timer{&host_, guarded(std::move(work)), nullptr}));
    Failure failure;
    failure.check(host_.jobs().every(
        host_.raw(), period.count(), [](void* self) { static_cast<detail::Timer*>(self)->work(); }, &timer, &timer.raw,
        failure));
  }
  /// Runs a coroutine to its end; what it throws is logged. The plugin does not stop before it has ended.
  void spawn(Async<void> work) { drive(std::move(work)); }

  /// Awaitable: goes on after a while, or at once when `cancellation` is requested.
  auto sleep(std::chrono::milliseconds duration, std::optional<Cancellation> cancellation = std::nullopt) const {
    struct Sleeping {
      const Host* host;
      std::chrono::milliseconds duration;
      std::optional<Cancellation> cancellation;
      struct Shared {
        Rendezvous fired, meeting;
        std::coroutine_handle<> waiting;
        void fire() {
          if (!fired.arrive() && meeting.arrive()) waiting.resume();
        }
      };
      std::shared_ptr<Shared> shared = std::make_shared<Shared>();
      atrium_timer* timer = nullptr;
      Cancellation::Listener listener{};

      bool await_ready() { return duration.count() <= 0; }
      bool await_suspend(std::coroutine_handle<> handle) {
        shared->waiting = handle;
        const auto mine = shared;
        Failure failure;
        const auto wake = [](void* self) { static_cast<Shared*>(self)->fire(); };
        if (host->jobs().after(host->raw(), duration.count(), wake, shared.get(), &timer, failure) < 0) return false;
        if (cancellation) {
          const Host* there = host;
          listener = cancellation->on_request([mine, there] { there->post([mine] { mine->fire(); }); });
        }
        return !mine->meeting.arrive();
      }
      void await_resume() {
        listener = {};
        if (timer) host->jobs().cancel(timer);
      }
    };
    return Sleeping{&host_, duration, std::move(cancellation)};
  }

 private:
  friend class Provided;

  static Event event_of(const atrium_event& raw) {
    return {raw.sequence,       Time{raw.time_us},  text_of(raw.topic),    text_of(raw.resource_id),
            text_of(raw.owner), text_of(raw.actor), text_of(raw.data_json)};
  }
  detail::Subscription& subscribe_entry(std::function<void(const atrium_event&)> take) {
    return *subscriptions_.emplace_back(
        std::make_unique<detail::Subscription>(detail::Subscription{&host_, std::move(take), nullptr}));
  }
  std::function<void()> guarded(std::function<void()> work) const {
    return [this, work = std::move(work)] {
      try {
        work();
      } catch (const std::exception& error) {
        host_.log(Level::error, "A timer's work failed", {{"error", error.what()}});
      }
    };
  }
  ToolCall tool_call(const Call& call, const Json& json) const {
    ToolCall tool{call, json.value("agent_id", ""), json.value("task_id", ""), {}};
    if (!tool.agent_id.empty()) tool.agent = act_as("agent", tool.agent_id);
    return tool;
  }

  static std::int32_t serve(void* self, atrium_call* raw) {
    auto* entry = static_cast<Provided*>(self);
    Call call(entry->plugin_->host_, raw);
    try {
      const auto method = entry->methods_.find(call.method());
      if (method == entry->methods_.end())
        throw not_found("This service has no method " + std::string(call.method()) + ".");
      method->second(call);
    } catch (...) {
      call.fail_current();
    }
    return ATRIUM_OK;
  }

  class Running {
   public:
    explicit Running(Plugin& plugin) : plugin_(&plugin) {
      const std::lock_guard lock(plugin.mutex_);
      ++plugin.in_flight_;
    }
    Running(const Running&) = delete;
    ~Running() {
      const std::lock_guard lock(plugin_->mutex_);
      if (--plugin_->in_flight_ == 0) plugin_->idle_.notify_all();
    }

   private:
    Plugin* plugin_;
  };

  detail::Detached drive(Async<void> work) {
    const Running running(*this);
    try {
      co_await work;
    } catch (const std::exception& error) {
      host_.log(Level::error, "Work in the background failed", {{"error", error.what()}});
    }
  }
  template <class F>
  detail::Detached answer_later(Request request, F handler) {
    const Running running(*this);
    try {
      auto answering = handler(request);
      const Reply reply = co_await answering;
      request.respond(reply);
    } catch (...) {
      request.fail_current();
    }
  }
  template <class F>
  detail::Detached serve_later(Call call, F handler) {
    const Running running(*this);
    try {
      auto serving = handler(call);
      const Json answer = co_await serving;
      call.reply(answer);
    } catch (...) {
      call.fail_current();
    }
  }

  Host host_;
  Store store_;
  Services services_;
  Objects objects_;
  Cancellation cancellation_;
  std::deque<detail::Route> routes_;
  std::deque<Provided> provided_;
  std::deque<std::function<void()>> deferred_;
  std::vector<std::unique_ptr<detail::Timer>> timers_;
  std::vector<std::unique_ptr<detail::Subscription>> subscriptions_;
  std::mutex mutex_;
  std::condition_variable idle_;
  std::int64_t in_flight_ = 0;
};

template <class F>
Provided& Provided::on(std::string method, F handler) {
  if constexpr (detail::is_async<std::invoke_result_t<F&, Call>>) {
    methods_[std::move(method)] = [plugin = plugin_, handler](Call call) {
      plugin->serve_later(std::move(call), handler);
    };
  } else {
    methods_[std::move(method)] = [handler](Call call) {
      Json answer = handler(call);
      call.reply(answer);
    };
  }
  return *this;
}

template <class Prepare, class F>
Provided& Provided::on_typed(std::string method, Prepare prepare, F handler) {
  using Prepared = std::invoke_result_t<Prepare&, Call>;
  if constexpr (detail::is_async<std::invoke_result_t<F&, Prepared>>) {
    return on(std::move(method), [prepare, handler](Call call) -> Async<Json> {
      auto answering = handler(prepare(std::move(call)));
      co_return as_json(co_await answering);
    });
  } else {
    return on(std::move(method),
              [prepare, handler](const Call& call) -> Json { return as_json(handler(prepare(call))); });
  }
}

}  // namespace atrium

#include <atrium/entry.hpp>
#include <atrium/resource_routes.hpp>
