#pragma once
// Services of the fake host: the plugin's own, and those that a test provides in other plugins' place.
#include "fake_db.hpp"

#include <atrium/services.hpp>

/// Behind an incoming call's handle; lives as long as its host, so that a late use of the handle is noticed.
struct atrium_call {
  atrium::testing::FakeCore* core = nullptr;
  std::string service, method, json, caller;
  atrium_tx* tx = nullptr;
  std::optional<atrium_principal> who;
  atrium_chunk_fn chunk = nullptr;
  atrium_reply_fn reply = nullptr;
  void* context = nullptr;

  bool consumed = false;  ///< by the provider
  bool ended = false;     ///< for the caller
  bool given_up = false;
  atrium::testing::CancelNotice cancellation{};
  std::shared_ptr<atrium::testing::FakeTimerState> deadline{};
  atrium_pending pending{};
};

namespace atrium::testing {

/// How a call from the test went.
struct Outcome {
  bool answered = false;
  std::int32_t status = ATRIUM_PENDING;
  Json json;
  std::vector<Json> pieces;
};

class FakeServices {
 public:
  explicit FakeServices(FakeCore& core) : core_(core) {}
  /// The plugin that calls come from, as their provider sees it.
  std::string caller = "caller";

  /// A service of another plugin's. handler: Json(const Call&), answered at once, or void(Call), answered by the test
  /// when it likes; what the first throws is answered as a plugin would.
  template <class F>
  void provide(const std::string& service, F handler, const Json& metadata = Json::object()) {
    fakes_.push_back([this, handler](atrium_call* raw) {
      Call call(sdk_host(), raw);
      try {
        if constexpr (std::is_void_v<std::invoke_result_t<F&, Call>>) {
          handler(call);
        } else {
          const Json answer = handler(call);
          call.reply(answer);
        }
      } catch (...) {
        call.fail_current();
      }
    });
    const auto serve = [](void* self, atrium_call* raw) -> std::int32_t {
      (*static_cast<std::function<void(atrium_call*)>*>(self))(raw);
      return ATRIUM_OK;
    };
    providers_[service] = {dump(metadata), serve, &fakes_.back(), true};
  }
  /// As granted in plugin.json: those that the plugin may provide. Empty: every one.
  std::optional<std::vector<std::string>> granted;
  void withdraw(const std::string& service) { providers_.erase(service); }
  void withdraw_plugin() {
    std::erase_if(providers_, [](const auto& entry) { return !entry.second.fake; });
  }
  /// What the plugin shows of its service; throws when it does not provide it.
  Json metadata(const std::string& service) const {
    const auto found = providers_.find(service);
    if (found == providers_.end()) throw std::logic_error("nobody provides " + service);
    return json_of(found->second.metadata);
  }
  bool has(const std::string& service) const { return providers_.contains(service); }

  /// A call on its way from the test.
  class Pending {
   public:
    const Outcome& outcome() const { return *outcome_; }
    void cancel() const {
      if (!outcome_->answered) pending_->cancel();
      core_->jobs->settle();
    }

   private:
    friend class FakeServices;
    FakeCore* core_ = nullptr;
    std::shared_ptr<Outcome> outcome_ = std::make_shared<Outcome>();
    atrium_pending* pending_ = nullptr;
  };
  Pending begin(const std::string& service, const std::string& method, const Json& arguments, const Who& who,
                std::chrono::milliseconds timeout, atrium_tx* tx = nullptr) {
    Pending pending;
    pending.core_ = &core_;
    auto* held = new std::shared_ptr<Outcome>(pending.outcome_);
    atrium_err error{};
    const std::string json = dump(arguments);
    const auto status = call(
        tx, who.kind.empty() ? nullptr : &who, service, method, json, timeout.count(),
        [](void* out, atrium_str piece) {
          (*static_cast<std::shared_ptr<Outcome>*>(out))->pieces.push_back(json_of(text_of(piece)));
        },
        [](void* out, std::int32_t status, atrium_str json) {
          const std::unique_ptr<std::shared_ptr<Outcome>> outcome(static_cast<std::shared_ptr<Outcome>*>(out));
          (*outcome)->answered = true;
          (*outcome)->status = status;
          (*outcome)->json = json_of(text_of(json));
        },
        held, &pending.pending_, &error);
    if (status < 0) {
      delete held;
      *pending.outcome_ = {true, status, {{"message", error.message}}, {}};
    }
    return pending;
  }

  static const atrium_services table;

 private:
  struct Provider {
    std::string metadata;
    atrium_service_fn serve = nullptr;
    void* self = nullptr;
    bool fake = false;
  };

  const Host& sdk_host() {
    if (!sdk_host_) sdk_host_ = std::make_unique<Host>(&core_);
    return *sdk_host_;
  }
  std::int32_t call(atrium_tx* tx, const atrium_principal* who, const std::string& service, const std::string& method,
                    std::string json, std::int64_t timeout_ms, atrium_chunk_fn chunk, atrium_reply_fn reply,
                    void* context, atrium_pending** out, atrium_err* error);
  static std::int32_t serve(const Provider& provider, atrium_call& call) {
    const auto status = provider.serve(provider.self, &call);
    if (status >= 0 && !call.tx) return status;  // it may answer later
    if (!call.consumed) {
      call.consumed = true;
      end(call, status < 0 ? status : ATRIUM_E_INTERNAL, R"({"message":"the service failed without an answer"})",
          false);
    }
    return status;
  }
  /// The caller's end; the first one counts.
  static void end(atrium_call& call, std::int32_t status, std::string_view json, bool given_up) {
    {
      const std::lock_guard lock(call.core->mutex);
      if (std::exchange(call.ended, true)) return;
      call.given_up = given_up;
    }
    if (call.deadline) call.core->jobs->cancel(call.deadline);
    call.reply(call.context, status, view(json));
    call.cancellation.end(given_up);
  }
  static void give_up(atrium_call& call, std::int32_t status, std::string_view why) {
    end(call, status, dump({{"message", why}}), true);
  }
  static atrium_call& open_one(atrium_call* call) {
    if (!call) broken("a call's handle is NULL");
    if (call->consumed) broken("a call's handle is used after the reply: " + call->service + " " + call->method);
    return *call;
  }

  FakeCore& core_;
  std::unique_ptr<Host> sdk_host_;
  std::deque<std::function<void(atrium_call*)>> fakes_;
  std::map<std::string, Provider, std::less<>> providers_;
  std::vector<std::shared_ptr<atrium_call>> calls_;
};

inline std::int32_t FakeServices::call(atrium_tx* tx, const atrium_principal* who, const std::string& service,
                                       const std::string& method, std::string json, std::int64_t timeout_ms,
                                       atrium_chunk_fn chunk, atrium_reply_fn reply, void* context,
                                       atrium_pending** out, atrium_err* error) {
  if (timeout_ms <= 0) return fail(error, ATRIUM_E_INVALID, "a call's timeout_ms must be above 0");
  const auto found = providers_.find(service);
  if (found == providers_.end()) return fail(error, ATRIUM_E_NOT_FOUND, "nobody provides the service " + service);
  auto call = std::make_shared<atrium_call>();
  call->core = &core_;
  call->service = service;
  call->method = method;
  call->caller = caller;
  call->json = std::move(json);
  call->tx = tx;
  if (who) call->who = *who;
  call->chunk = chunk;
  call->reply = reply;
  call->context = context;
  call->pending.cancel = [call = call.get()] { give_up(*call, ATRIUM_E_CANCELLED, "the call was cancelled"); };
  {
    const std::lock_guard lock(core_.mutex);
    calls_.push_back(call);
  }
  if (out) *out = tx ? nullptr : &call->pending;
  if (tx) {
    FakeDb::check(tx);
    serve(found->second, *call);
    return ATRIUM_OK;
  }
  call->deadline = core_.jobs->after(
      timeout_ms, [call = call.get()] { give_up(*call, ATRIUM_E_TIMEOUT, "the service did not answer in time"); });
  core_.jobs->post([provider = found->second, call] { serve(provider, *call); });
  return ATRIUM_OK;
}

inline const atrium_services FakeServices::table{
    sizeof(atrium_services),
    0,
    [](const atrium_host* host, atrium_str service, atrium_str metadata, atrium_service_fn serve, void* self,
       atrium_err* error) -> std::int32_t {
      auto& providers = FakeCore::of(host).services->providers_;
      if (text_of(service).find('/') == std::string_view::npos)
        return fail(error, ATRIUM_E_INVALID, "a service's name is kind/name");
      if (const auto& granted = FakeCore::of(host).services->granted;
          granted && !grants::any(*granted, grants::service, text_of(service)))
        return fail(error, ATRIUM_E_DENIED, "plugin.json does not list that it provides " + string_of(service));
      if (!providers.try_emplace(string_of(service), Provider{string_of(metadata), serve, self, false}).second)
        return fail(error, ATRIUM_E_INVALID, string_of(service) + " is already provided");
      return ATRIUM_OK;
    },
    [](const atrium_host* host, atrium_str wanted, void (*row)(void*, atrium_str, atrium_str),
       void* context) -> std::int32_t {
      const bool whole = text_of(wanted).find('/') != std::string_view::npos;
      for (const auto& [service, provider] : FakeCore::of(host).services->providers_)
        if (whole ? service == text_of(wanted) : service.starts_with(string_of(wanted) + "/"))
          row(context, view(service), view(provider.metadata));
      return ATRIUM_OK;
    },
    [](const atrium_host* host, atrium_tx* tx, const atrium_principal* who, atrium_str service, atrium_str method,
       atrium_str json, std::int64_t timeout_ms, atrium_chunk_fn chunk, atrium_reply_fn reply, void* context,
       atrium_pending** out, atrium_err* error) -> std::int32_t {
      return FakeCore::of(host).services->call(tx, who, string_of(service), string_of(method), string_of(json),
                                               timeout_ms, chunk, reply, context, out, error);
    },
    [](atrium_pending* pending) {
      if (pending) pending->cancel();
    },
    [](atrium_call* call) { return view(open_one(call).method); },
    [](atrium_call* call) { return view(open_one(call).json); },
    [](atrium_call* call) { return open_one(call).tx; },
    [](atrium_call* call) -> const atrium_principal* {
      const auto& who = open_one(call).who;
      return who ? &*who : nullptr;
    },
    [](atrium_call* call) -> std::int32_t { return open_one(call).given_up ? 1 : 0; },
    [](atrium_call* call, atrium_cancel_fn notify, void* context) { open_one(call).cancellation.set(notify, context); },
    [](atrium_call* call, atrium_str json) -> std::int32_t {
      if (open_one(call).ended) return ATRIUM_E_CANCELLED;
      if (call->chunk) call->chunk(call->context, json);
      return ATRIUM_OK;
    },
    [](atrium_call* call, std::int32_t status, atrium_str json) -> std::int32_t {
      open_one(call).consumed = true;
      end(*call, status, text_of(json), false);
      return ATRIUM_OK;
    },
    [](atrium_call* call) { return view(open_one(call).caller); }};

}  // namespace atrium::testing
