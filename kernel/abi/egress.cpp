// atrium.egress: requests to other hosts, as far as the manifest was granted them.
#include "egress/client.hpp"

#include "abi/host_state.hpp"

#include <nlohmann/json.hpp>

#include <unistd.h>

#include <algorithm>
#include <map>
#include <memory>

namespace kernel::abi {
namespace {

using nlohmann::json;

Milliseconds milliseconds(const json& request, const char* member, Milliseconds otherwise) {
  const auto found = request.find(member);
  if (found == request.end()) return otherwise;
  if (!found->is_number_integer() || found->get<std::int64_t>() <= 0) {
    throw std::invalid_argument(std::string(member) + " must be a whole number above 0");
  }
  return Milliseconds(found->get<std::int64_t>());
}

void check_trust(bool granted, const std::string& trust) {
  if (!granted) throw storage::SqlError(ATRIUM_E_DENIED, "plugin.json does not ask for \"egress\": \"" + trust + "\"");
}

egress::Trust trust_of(const std::string& trust, const Grants& grants) {
  if (trust != "user" && trust != "operator") throw std::invalid_argument(R"(trust must be "user" or "operator")");
  const bool operator_ = trust == "operator";
  check_trust(operator_ ? grants.egress_operator : grants.egress_user, trust);
  return operator_ ? egress::Trust::operator_ : egress::Trust::user;
}

egress::Trust trust_of(const json& request, const Grants& grants) {
  return trust_of(request.value("trust", "user"), grants);
}

egress::OutRequest parse_request(std::string_view text, std::string_view body, const Grants& grants) {
  const json request = json::parse(text, nullptr, false);
  if (!request.is_object()) throw std::invalid_argument("the request is not a JSON object");
  egress::OutRequest out;
  out.method = request.value("method", "GET");
  out.url = request.value("url", "");
  if (out.url.empty()) throw std::invalid_argument("the request has no url");
  out.body = body;
  const auto headers = request.find("headers");
  if (headers != request.end()) {
    for (const auto& [name, value] : headers->items()) {
      auto content = value.get<std::string>();
      if ((name + content).find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) {
        throw std::invalid_argument("the header " + name + " has a line break or NUL");
      }
      out.headers.emplace_back(name, std::move(content));
    }
  }
  out.connect_timeout = milliseconds(request, "connect_timeout_ms", out.connect_timeout);
  out.idle_timeout = milliseconds(request, "idle_timeout_ms", out.idle_timeout);
  out.timeout = milliseconds(request, "timeout_ms", out.timeout);
  out.max_bytes = request.value("max_bytes", out.max_bytes);
  out.redirects = std::clamp(request.value("redirects", 0), 0, 10);
  out.trust = trust_of(request, grants);
  out.hosts = grants.egress_hosts;
  return out;
}

egress::OutHandlers handlers_for(std::shared_ptr<HostState> state, std::shared_ptr<Promise> promise,
                                 const atrium_exchange& callbacks, void* context, atrium_pending* own) {
  egress::OutHandlers handlers;
  handlers.head = [state, callbacks, context](int status, const std::map<std::string, std::string>& headers) {
    const Inside inside(*state);
    if (!inside || callbacks.head == nullptr) return;
    const auto dumped = json(headers).dump(-1, ' ', false, json::error_handler_t::replace);
    notify_plugin(*state, "a head function", [&] { callbacks.head(context, status, text(dumped)); });
  };
  handlers.data = [state, callbacks, context](std::string_view piece) {
    const Inside inside(*state);
    if (!inside) return false;
    if (callbacks.data == nullptr) return true;
    return call_plugin(*state, "a data function", [&] { return callbacks.data(context, text(piece)); }) >= 0;
  };
  handlers.done = [state, promise, callbacks, context, own](std::int32_t status, const std::string& why) {
    {
      const Inside inside(*state);
      atrium_err error{};
      fail(&error, status, why);
      if (inside) {
        notify_plugin(*state, "a done function",
                      [&] { callbacks.done(context, status, status < 0 ? &error : nullptr); });
      }
    }
    PendingHandles::instance().take(own);
  };
  return handlers;
}

/// What begins on the egress thread and ends with one callback: begin(own handle, promise) -> what cancels it.
template <class Begin>
std::int32_t begin_task(HostState& host, atrium_pending** out, atrium_err* error, Begin begin) {
  auto promise = Promise::make(host);
  if (!promise) return fail(error, ATRIUM_E_CANCELLED, "the plugin is being stopped");
  auto pending = std::make_shared<Pending>();
  pending->host = host.shared_from_this();
  atrium_pending* own = PendingHandles::instance().put(pending);
  if (out != nullptr) *out = own;
  const std::shared_ptr<egress::Pending> begun = begin(own, std::move(promise));
  pending_begun(*pending, [weak = std::weak_ptr(begun)] {
    if (const auto task = weak.lock()) task->cancel();
  });
  return ATRIUM_OK;
}

std::int32_t send(const atrium_host* handle, atrium_str request, atrium_str body, const atrium_exchange* callbacks,
                  void* context, atrium_pending** out, atrium_err* error) {
  if (out != nullptr) *out = nullptr;
  return guard(error, [&]() -> std::int32_t {
    HostState& host = HostState::of(handle);
    if (callbacks == nullptr || !ATRIUM_HAS(callbacks, done) || callbacks->done == nullptr) {
      return fail(error, ATRIUM_E_INVALID, "an exchange needs a done function");
    }
    auto parsed = parse_request(view(request), view(body), host.grants);
    return begin_task(host, out, error, [&](atrium_pending* own, std::shared_ptr<Promise> promise) {
      return host.parts.egress.send(
          std::move(parsed), handlers_for(host.shared_from_this(), std::move(promise), *callbacks, context, own));
    });
  });
}

std::int32_t dial(const atrium_host* handle, atrium_str text_of_request, atrium_connected_fn connected, void* context,
                  atrium_pending** out, atrium_err* error) {
  if (out != nullptr) *out = nullptr;
  return guard(error, [&]() -> std::int32_t {
    HostState& host = HostState::of(handle);
    if (connected == nullptr) return fail(error, ATRIUM_E_INVALID, "dial() needs a function for the connection");
    const json request = json::parse(view(text_of_request), nullptr, false);
    if (!request.is_object()) throw std::invalid_argument("the request is not a JSON object");
    egress::DialRequest wanted;
    wanted.host = request.value("host", "");
    const auto port = request.value("port", std::int64_t{0});
    if (wanted.host.empty() || wanted.host.size() > 253 || wanted.host.find('\0') != std::string::npos)
      throw std::invalid_argument("host must be a name or an address");
    if (port < 1 || port > 65'535) throw std::invalid_argument("port must be 1 to 65535");
    wanted.port = static_cast<std::uint16_t>(port);
    wanted.connect_timeout = milliseconds(request, "connect_timeout_ms", wanted.connect_timeout);
    wanted.trust = trust_of(request, host.grants);
    wanted.hosts = host.grants.egress_hosts;
    return begin_task(host, out, error, [&](atrium_pending* own, std::shared_ptr<Promise> promise) {
      return host.parts.egress.dial(
          std::move(wanted),
          [state = host.shared_from_this(), promise = std::move(promise), connected, context, own](
              int descriptor, const std::string& address, std::int32_t status, const std::string& why) {
            {
              const Inside inside(*state);
              atrium_err failure{};
              fail(&failure, status, why);
              if (inside) {
                notify_plugin(*state, "a function for a connection", [&] {
                  connected(context, descriptor, text(address), status, status < 0 ? &failure : nullptr);
                });
              } else if (descriptor >= 0) {
                close(descriptor);
              }
            }
            PendingHandles::instance().take(own);
          });
    });
  });
}

std::int32_t wait(const atrium_host* handle, std::int32_t descriptor, std::int32_t events, std::int64_t timeout_ms,
                  atrium_done_fn ready, void* context, atrium_pending** out, atrium_err* error) {
  if (out != nullptr) *out = nullptr;
  return guard(error, [&]() -> std::int32_t {
    HostState& host = HostState::of(handle);
    if (ready == nullptr || events < 1 || events > 3 || timeout_ms <= 0)
      return fail(error, ATRIUM_E_INVALID, "wait() needs a function, events of 1 to 3, and a timeout above 0");
    const auto timeout = Milliseconds(std::min<std::int64_t>(timeout_ms, 86'400'000));
    return begin_task(host, out, error, [&](atrium_pending* own, std::shared_ptr<Promise> promise) {
      return host.parts.egress.wait(descriptor, events, timeout,
                                    [state = host.shared_from_this(), promise = std::move(promise), ready, context,
                                     own](std::int32_t status, const std::string& why) {
                                      {
                                        const Inside inside(*state);
                                        atrium_err failure{};
                                        fail(&failure, status, why);
                                        if (inside)
                                          notify_plugin(*state, "a function for a socket", [&] {
                                            ready(context, status, status < 0 ? &failure : nullptr);
                                          });
                                      }
                                      PendingHandles::instance().take(own);
                                    });
    });
  });
}

void cancel(atrium_pending* handle) {
  guard(nullptr, [&] {
    cancel_pending(handle);
    return ATRIUM_OK;
  });
}

std::int32_t check(const atrium_host* handle, atrium_str url, atrium_str trust, atrium_err* error) {
  return guard(error, [&]() -> std::int32_t {
    HostState& host = HostState::of(handle);
    const auto denied =
        host.parts.egress.check(view(url), trust_of(std::string(view(trust)), host.grants), host.grants.egress_hosts);
    return denied ? fail(error, ATRIUM_E_DENIED, *denied) : ATRIUM_OK;
  });
}

}  // namespace

const atrium_egress egress_table = {sizeof(atrium_egress), 0, send, cancel, dial, wait, check};

}  // namespace kernel::abi
