// atrium.services: plugins use each other by name and by value.
#include "plugins/services.hpp"

#include "abi/cancel_notice.hpp"

#include <atrium/grants.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <memory>

namespace kernel::abi {
namespace {

/// A call that this plugin has to answer.
struct Incoming {
  std::shared_ptr<HostState> host;
  plugins::CallPtr call;
};
using Calls = Handles<atrium_call, Incoming>;

/// The call is answered: who waits for the end of the plugin hears of it.
std::shared_ptr<Incoming> end_call(atrium_call* handle) {
  auto incoming = Calls::instance().take(handle);
  if (incoming) {
    const std::lock_guard lock(incoming->host->mutex);
    incoming->host->changed.notify_all();
  }
  return incoming;
}

std::string message_json(std::string_view message) { return nlohmann::json{{"message", message}}.dump(); }

void serve(HostState& host, atrium_service_fn function, void* self, const plugins::CallPtr& call) {
  const Inside inside(host);
  if (!inside) return call->reply(ATRIUM_E_UNAVAILABLE, message_json("the service is being stopped"));
  const TransactionScope scope(call->transaction());
  auto incoming = std::make_shared<Incoming>();
  incoming->host = host.shared_from_this();
  incoming->call = call;
  atrium_call* handle = Calls::instance().put(std::move(incoming));
  const auto status = call_plugin(host, "a service", [&] { return function(self, handle); });
  if (status >= 0 && call->transaction() == nullptr) return;  // it may answer later
  if (end_call(handle)) {
    call->reply(status < 0 ? status : ATRIUM_E_INTERNAL, message_json("the service failed without an answer"));
  }
}

bool may_provide(const Grants& grants, std::string_view service) {
  return !grants.provides || atrium::grants::any(*grants.provides, atrium::grants::service, service);
}

std::int32_t provide(const atrium_host* handle, atrium_str service, atrium_str metadata, atrium_service_fn function,
                     void* self, atrium_err* error) {
  return guard(error, [&]() -> std::int32_t {
    HostState& host = HostState::of(handle);
    const auto promise = Promise::make(host);
    if (!promise) return fail(error, ATRIUM_E_CANCELLED, "the plugin is being stopped");
    if (metadata.len != 0 && !nlohmann::json::accept(view(metadata))) {
      return fail(error, ATRIUM_E_INVALID, "a service's metadata is not JSON");
    }
    const std::string name(view(service));
    if (!may_provide(host.grants, name)) {
      return fail(error, ATRIUM_E_DENIED, "the plugin may not provide " + name + ": its plugin.json does not list it");
    }
    const auto said = host.grants.metadata.find(name);
    plugins::Provider provider;
    provider.owner = host.owner;
    provider.service = name;
    provider.metadata = said == host.grants.metadata.end() ? std::string(view(metadata)) : said->second;
    provider.holder = &host;
    provider.lease = host.lease;
    provider.serve = [state = host.shared_from_this(), function, self](const plugins::CallPtr& call) {
      serve(*state, function, self, call);
    };
    host.parts.services.provide(std::move(provider));
    return ATRIUM_OK;
  });
}

std::int32_t find(const atrium_host* handle, atrium_str wanted, void (*row)(void*, atrium_str, atrium_str),
                  void* context) {
  return guard(nullptr, [&] {
    HostState& host = HostState::of(handle);
    for (const auto& provider : host.parts.services.find(view(wanted))) {
      notify_plugin(host, "a function for services",
                    [&] { row(context, text(provider->service), text(provider->metadata)); });
    }
    return ATRIUM_OK;
  });
}

/// The caller's end of a call, as the registry sees it.
plugins::Services::Request make_request(HostState& host, const atrium_principal* who, atrium_str service,
                                        atrium_str method, atrium_str json, std::int64_t timeout_ms) {
  constexpr std::int64_t longest = std::int64_t{24} * 3600 * 1000;
  if (timeout_ms <= 0) throw std::invalid_argument("a call's timeout_ms must be above 0");
  plugins::Services::Request request;
  request.caller = host.owner;
  request.service = view(service);
  request.method = view(method);
  request.json = view(json);
  request.principal = principal_of(who);
  request.timeout = Milliseconds(std::min(timeout_ms, longest));
  return request;
}

std::int32_t call(const atrium_host* handle, atrium_tx* tx, const atrium_principal* who, atrium_str service,
                  atrium_str method, atrium_str json, std::int64_t timeout_ms, atrium_chunk_fn chunk,
                  atrium_reply_fn reply, void* context, atrium_pending** out, atrium_err* error) {
  if (out != nullptr) *out = nullptr;
  return guard(error, [&]() -> std::int32_t {
    HostState& host = HostState::of(handle);
    auto request = make_request(host, who, service, method, json, timeout_ms);
    if (tx != nullptr) request.transaction = &TransactionScope::check(tx);
    auto promise = Promise::make(host);
    if (!promise) return fail(error, ATRIUM_E_CANCELLED, "the plugin is being stopped");
    const auto state = host.shared_from_this();
    auto pending = std::make_shared<Pending>();
    pending->host = state;
    atrium_pending* own = tx == nullptr ? PendingHandles::instance().put(pending) : nullptr;
    if (out != nullptr) *out = own;
    if (chunk != nullptr) {
      request.chunk = [state, chunk, context](std::string_view piece) {
        const Inside inside(*state);
        if (inside) notify_plugin(*state, "a chunk function", [&] { chunk(context, text(piece)); });
      };
    }
    request.reply = [state, promise, own, reply, context](std::int32_t status, std::string_view answer) {
      {
        const Inside inside(*state);
        if (inside) notify_plugin(*state, "a reply function", [&] { reply(context, status, text(answer)); });
      }
      PendingHandles::instance().take(own);
    };
    const auto running = host.parts.services.call(std::move(request));
    if (!running) {
      PendingHandles::instance().take(own);
      if (out != nullptr) *out = nullptr;
      return fail(error, ATRIUM_E_NOT_FOUND, "nobody provides the service " + std::string(view(service)));
    }
    pending_begun(*pending, [weak = std::weak_ptr(running)] {
      if (const auto call = weak.lock()) call->cancel();
    });
    return ATRIUM_OK;
  });
}

void cancel(atrium_pending* handle) {
  guard(nullptr, [&] {
    cancel_pending(handle);
    return ATRIUM_OK;
  });
}

// Views stay valid after find(): the call lives until it is replied to.
atrium_str call_method(atrium_call* handle) {
  const auto incoming = Calls::instance().find(handle);
  return incoming ? text(incoming->call->method()) : nothing();
}
atrium_str call_json(atrium_call* handle) {
  const auto incoming = Calls::instance().find(handle);
  return incoming ? text(incoming->call->json()) : nothing();
}
atrium_tx* call_tx(atrium_call* handle) {
  const auto incoming = Calls::instance().find(handle);
  return incoming ? TransactionScope::handle(incoming->call->transaction()) : nullptr;
}
const atrium_principal* call_principal(atrium_call* handle) {
  const auto incoming = Calls::instance().find(handle);
  return incoming ? borrow(incoming->call->principal()) : nullptr;
}
std::int32_t call_cancelled(atrium_call* handle) {
  const auto incoming = Calls::instance().find(handle);
  return !incoming || incoming->call->cancelled() ? 1 : 0;
}

void on_cancel(atrium_call* handle, atrium_cancel_fn notify, void* context) {
  guard(nullptr, [&] {
    const auto incoming = Calls::instance().find(handle);
    if (!incoming || notify == nullptr) return ATRIUM_E_INVALID;
    incoming->call->on_cancel(CancelNotice::function(incoming->host, notify, context));
    return ATRIUM_OK;
  });
}

std::int32_t emit(atrium_call* handle, atrium_str json) {
  return guard(nullptr, [&] {
    const auto incoming = Calls::instance().find(handle);
    return incoming && incoming->call->emit(view(json)) ? ATRIUM_OK : ATRIUM_E_CANCELLED;
  });
}

std::int32_t reply(atrium_call* handle, std::int32_t status, atrium_str json) {
  return guard(nullptr, [&] {
    const auto incoming = end_call(handle);
    if (!incoming) return ATRIUM_E_INVALID;
    incoming->call->reply(status, view(json));
    return ATRIUM_OK;
  });
}

atrium_str call_caller(atrium_call* handle) {
  const auto incoming = Calls::instance().find(handle);
  return incoming ? text(incoming->call->caller()) : nothing();
}

}  // namespace

bool incoming_calls_ended(HostState& host, std::chrono::steady_clock::time_point until) {
  std::unique_lock lock(host.mutex);
  return host.changed.wait_until(lock, until, [&host] { return Calls::instance().of(&host).empty(); });
}

void end_incoming_calls(HostState& host) {
  for (atrium_call* handle : Calls::instance().of(&host)) {
    if (const auto incoming = Calls::instance().take(handle)) {
      incoming->call->reply(ATRIUM_E_UNAVAILABLE, message_json("the service is being stopped"));
    }
  }
}

const atrium_services services_table = {
    sizeof(atrium_services),
    0,
    provide,
    find,
    call,
    cancel,
    call_method,
    call_json,
    call_tx,
    call_principal,
    call_cancelled,
    on_cancel,
    emit,
    reply,
    call_caller,
};

}  // namespace kernel::abi
