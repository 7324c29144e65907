#include "abi/host_state.hpp"
#include "abi/metric_names.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <mutex>

namespace kernel::abi {
namespace {

const void* get_interface(const atrium_host* handle, const char* id) {
  if (id == nullptr) return nullptr;
  static const std::array<std::pair<std::string_view, const void*>, 11> tables{{
      {ATRIUM_HTTP, &http_table},
      {ATRIUM_AUTH, &auth_table},
      {ATRIUM_DB, &db_table},
      {ATRIUM_OBJECTS, &objects_table},
      {ATRIUM_KEYS, &keys_table},
      {ATRIUM_EVENTS, &events_table},
      {ATRIUM_JOBS, &jobs_table},
      {ATRIUM_SERVICES, &services_table},
      {ATRIUM_EGRESS, &egress_table},
      {ATRIUM_SETTINGS, &settings_table},
      {ATRIUM_METRICS, &metrics_table},
  }};
  if (std::string_view(id) == ATRIUM_KEYS && !HostState::of(handle).grants.keys) return nullptr;
  const auto& granted = HostState::of(handle).grants.interfaces;
  if (!granted.empty() && std::find(granted.begin(), granted.end(), id) == granted.end()) return nullptr;
  const auto found = std::find_if(tables.begin(), tables.end(), [id](const auto& table) { return table.first == id; });
  return found == tables.end() ? nullptr : found->second;
}

void write_log(const atrium_host* handle, std::int32_t level, atrium_str message, atrium_str fields) {
  guard(nullptr, [&] {
    const auto known = static_cast<observability::Level>(std::clamp(level, 0, 4));
    observability::log(known, HostState::of(handle).owner, view(message), view(fields));
    return ATRIUM_OK;
  });
}

}  // namespace

constinit thread_local storage::Transaction* TransactionScope::current_ = nullptr;

storage::Transaction& TransactionScope::check(atrium_tx* handle) {
  if (handle == nullptr || TransactionScope::handle(current_) != handle) {
    throw storage::SqlError(ATRIUM_E_INVALID,
                            "this transaction is not running here: use it inside its function, on its thread");
  }
  return *current_;
}

std::int32_t fail(atrium_err* error, std::int32_t code, std::string_view message) {
  if (error == nullptr) return code;
  error->code = code;
  std::size_t length = std::min(message.size(), sizeof error->message - 1);
  while (length < message.size() && length > 0 && (message[length] & 0xC0) == 0x80) --length;  // not inside a character
  std::memcpy(error->message, message.data(), length);
  error->message[length] = '\0';
  return code;
}

std::int32_t fail_with_exception(atrium_err* error) {
  try {
    throw;
  } catch (const storage::SqlError& fault) {
    return fail(error, fault.code(), fault.what());
  } catch (const std::invalid_argument& fault) {
    return fail(error, ATRIUM_E_INVALID, fault.what());
  } catch (const nlohmann::json::exception& fault) {
    return fail(error, ATRIUM_E_INVALID, fault.what());
  } catch (const std::exception& fault) {
    return fail(error, ATRIUM_E_INTERNAL, fault.what());
  } catch (...) {
    return fail(error, ATRIUM_E_INTERNAL, "something unknown was thrown");
  }
}

Promise::Promise(std::shared_ptr<HostState> host) : host_(std::move(host)) {}
Promise::~Promise() { host_->promises.leave(); }

std::shared_ptr<Promise> Promise::make(HostState& host) {
  if (!host.promises.enter()) return nullptr;
  try {
    return std::shared_ptr<Promise>(new Promise(host.shared_from_this()));
  } catch (...) {
    host.promises.leave();
    throw;
  }
}

void cancel_pending(const atrium_pending* handle) {
  const auto pending = PendingHandles::instance().find(handle);
  if (!pending) return;
  std::function<void()> cancel;
  {
    const std::lock_guard lock(pending->mutex);
    pending->wanted = false;
    cancel = pending->cancel;
  }
  if (cancel) cancel();
}

void pending_begun(Pending& pending, std::function<void()> cancel) {
  {
    const std::lock_guard lock(pending.mutex);
    if (pending.wanted) {
      pending.cancel = std::move(cancel);
      return;
    }
  }
  cancel();
}

void end_pending(HostState& host) {
  for (atrium_pending* handle : PendingHandles::instance().of(&host)) cancel_pending(handle);
}

HostState::HostState(Parts kernel, std::string id, Grants granted, nlohmann::json table, std::shared_ptr<void> held)
    : atrium_host{sizeof(atrium_host), ATRIUM_ABI_MINOR, get_interface, write_log},
      parts(kernel),
      owner(std::move(id)),
      grants(std::move(granted)),
      configuration(std::move(table)),
      lease(std::move(held)),
      crumb(owner == "kernel" ? nullptr : owner.c_str()),
      metric_names(std::make_unique<MetricNames>(owner)) {}

HostState::~HostState() = default;

class Host::Impl {
 public:
  std::shared_ptr<HostState> state;
};

Host::Host(Parts parts, std::string owner, Grants grants, nlohmann::json configuration, std::shared_ptr<void> lease)
    : impl_(std::make_unique<Impl>()) {
  impl_->state = std::make_shared<HostState>(parts, std::move(owner), std::move(grants), std::move(configuration),
                                             std::move(lease));
  auto& state = *impl_->state;
  // Told through a weak pointer: a route holds the state and this lease, and the state must not keep itself alive.
  const auto gone = [weak = state.weak_from_this()](void*) {
    if (const auto host = weak.lock()) {
      const std::lock_guard lock(host->mutex);
      host->routes_alive = false;
      host->changed.notify_all();
    }
  };
  state.route_lease = std::shared_ptr<void>(static_cast<void*>(&state), gone);
}

Host::~Host() {
  const std::lock_guard lock(impl_->state->mutex);
  impl_->state->routes.clear();  // their handlers hold the state
}

const atrium_host* Host::handle() const { return impl_->state.get(); }

std::vector<routing::Route> Host::take_routes() {
  auto& state = *impl_->state;
  const std::lock_guard lock(state.mutex);
  const bool first = !std::exchange(state.routes_taken, true);
  auto routes = std::move(state.routes);
  state.routes.clear();
  if (first && routes.empty()) state.routes_alive = false;
  return routes;
}

bool Host::run(const std::function<void()>& call) {
  const Inside inside(*impl_->state);
  if (inside) call();
  return static_cast<bool>(inside);
}

void Host::stand_back() {
  end_subscriptions(*impl_->state);
  end_timers(*impl_->state);
}

bool Host::drain(std::chrono::milliseconds patience) {
  const auto until = std::chrono::steady_clock::now() + patience;
  auto& state = *impl_->state;
  state.parts.services.withdraw(&state);
  std::shared_ptr<void> released;  // let go outside of the lock: its end takes it
  std::unique_lock lock(state.mutex);
  released.swap(state.route_lease);
  lock.unlock();
  released.reset();
  lock.lock();
  const bool answered =
      state.changed.wait_until(lock, until, [&state] { return !state.routes_alive && state.deferred.empty(); });
  lock.unlock();
  return incoming_calls_ended(state, until) && answered;
}

bool Host::revoke(std::chrono::milliseconds patience) {
  auto& state = *impl_->state;
  const auto until = std::chrono::steady_clock::now() + patience;
  const auto left = [until] {
    const auto rest = std::chrono::duration_cast<Milliseconds>(until - std::chrono::steady_clock::now());
    return std::max(rest, Milliseconds(0));
  };
  state.promises.close();
  state.parts.services.withdraw(&state);
  end_incoming_calls(state);
  end_pending(state);
  end_requests(state);
  end_uploads(state);
  const bool kept = state.promises.wait_empty(left());
  end_subscriptions(state);  // only now: registering one is a promise too, so none is overlooked
  end_timers(state);
  state.calls.close();
  return state.calls.wait_empty(left()) && kept;
}

}  // namespace kernel::abi
