#pragma once
// Shared by the files of this folder: what stands behind one atrium_host.
#include "abi/gate.hpp"
#include "abi/handles.hpp"
#include "abi/host.hpp"
#include "observability/log.hpp"
#include "plugins/breadcrumb.hpp"

#include <nlohmann/json.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace kernel::abi {

using Milliseconds = std::chrono::milliseconds;

struct MetricNames;

/// Kept alive by everything that can still call the plugin; the lease in it keeps the plugin's code.
struct HostState : atrium_host, std::enable_shared_from_this<HostState> {
  HostState(Parts parts, std::string owner, Grants grants, nlohmann::json configuration, std::shared_ptr<void> lease);
  ~HostState();
  static HostState& of(const atrium_host* host) { return *static_cast<HostState*>(const_cast<atrium_host*>(host)); }

  const Parts parts;
  const std::string owner;
  const Grants grants;
  const nlohmann::json configuration;
  const std::shared_ptr<void> lease;
  const char* const crumb;  ///< null for the kernel's own features

  Gate calls;     ///< running calls into the plugin
  Gate promises;  ///< callbacks that were promised and have not come yet

  std::mutex mutex;
  std::condition_variable changed;
  std::vector<routing::Route> routes;
  std::shared_ptr<void> route_lease;  ///< in every route; while it lives a request may be on its way to the plugin
  bool routes_taken = false, routes_alive = true;
  std::unordered_set<atrium_request*> deferred;
  std::unique_ptr<MetricNames> metric_names;
};

/// One call into the plugin: counted, named for a crash, and not begun once the host is revoked.
class Inside {
 public:
  explicit Inside(HostState& host)
      : host_(host), entered_(host.calls.enter()), scope_(entered_ ? host.crumb : plugins::breadcrumb::current) {}
  ~Inside() {
    if (entered_) host_.calls.leave();
  }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;
  explicit operator bool() const { return entered_; }

 private:
  HostState& host_;
  bool entered_;
  plugins::breadcrumb::Scope scope_;
};

/// One callback that is still owed. Copies share it, so that a closure may hold it.
class Promise {
 public:
  /// Empty when the host takes no new work.
  static std::shared_ptr<Promise> make(HostState& host);
  ~Promise();
  Promise(const Promise&) = delete;
  Promise& operator=(const Promise&) = delete;

 private:
  explicit Promise(std::shared_ptr<HostState> host);
  std::shared_ptr<HostState> host_;
};

/// The transaction whose function runs on this thread, as plugins may use it; null: none.
class TransactionScope {
 public:
  explicit TransactionScope(storage::Transaction* transaction) : before_(current_) { current_ = transaction; }
  ~TransactionScope() { current_ = before_; }
  TransactionScope(const TransactionScope&) = delete;
  TransactionScope& operator=(const TransactionScope&) = delete;
  static storage::Transaction* current() { return current_; }
  static atrium_tx* handle(storage::Transaction* transaction) { return reinterpret_cast<atrium_tx*>(transaction); }
  /// The handle's transaction, if it is the one running here; throws storage::SqlError(ATRIUM_E_INVALID) else.
  static storage::Transaction& check(atrium_tx* handle);

 private:
  static constinit thread_local storage::Transaction* current_;
  storage::Transaction* before_;
};

inline std::string_view view(atrium_str text) {
  return text.len == 0 ? std::string_view() : std::string_view(text.data, text.len);
}
inline atrium_str text(std::string_view text) { return {text.data() == nullptr ? "" : text.data(), text.size()}; }
inline atrium_str nothing() { return {nullptr, 0}; }

// A handle of a principal is the address of a shared pointer: borrowed ones cost nothing.
inline const atrium_principal* borrow(const auth::PrincipalPtr& principal) {
  return principal ? reinterpret_cast<const atrium_principal*>(&principal) : nullptr;
}
inline const auth::PrincipalPtr& principal_of(const atrium_principal* principal) {
  static const auth::PrincipalPtr nobody;
  return principal == nullptr ? nobody : *reinterpret_cast<const auth::PrincipalPtr*>(principal);
}

/// Fills *error (which may be null) and returns code.
std::int32_t fail(atrium_err* error, std::int32_t code, std::string_view message);
/// Inside a catch block: what is in flight, as a code and a message.
std::int32_t fail_with_exception(atrium_err* error);

/// Runs one table function: nothing thrown leaves it.
template <class Work>
std::int32_t guard(atrium_err* error, Work&& work) {
  try {
    return work();
  } catch (...) {
    return fail_with_exception(error);
  }
}

/// Runs the plugin's code. A plugin in C++ may break the rule and throw; that is caught, logged and ATRIUM_E_INTERNAL.
template <class Work>
std::int32_t call_plugin(HostState& host, const char* what, Work&& work) {
  try {
    return work();
  } catch (const std::exception& fault) {
    observability::log(observability::Level::error, host.owner, std::string(what) + " threw: " + fault.what());
  } catch (...) {
    observability::log(observability::Level::error, host.owner, std::string(what) + " threw something");
  }
  return ATRIUM_E_INTERNAL;
}

/// The same for a function without a result.
template <class Work>
void notify_plugin(HostState& host, const char* what, Work&& work) {
  call_plugin(host, what, [&] {
    work();
    return ATRIUM_OK;
  });
}

// The tables, one file each.
extern const atrium_http http_table;
extern const atrium_auth auth_table;
extern const atrium_db db_table;
extern const atrium_objects objects_table;
extern const atrium_keys keys_table;
extern const atrium_events events_table;
extern const atrium_jobs jobs_table;
extern const atrium_services services_table;
extern const atrium_egress egress_table;
extern const atrium_settings settings_table;
extern const atrium_metrics metrics_table;

// What each file does at the end of a plugin.
void end_requests(HostState& host);
void end_subscriptions(HostState& host);
void end_timers(HostState& host);
void end_pending(HostState& host);
/// Whether the plugin has answered every call by then.
bool incoming_calls_ended(HostState& host, std::chrono::steady_clock::time_point until);
void end_incoming_calls(HostState& host);
void end_uploads(HostState& host);

/// An outgoing call or exchange: services and egress share the handle.
struct Pending {
  std::shared_ptr<HostState> host;
  std::mutex mutex;
  bool wanted = true;            ///< false: cancelled before there was anything to cancel
  std::function<void()> cancel;  ///< empty until the work is under way
};
using PendingHandles = Handles<atrium_pending, Pending>;
/// Cancels it, now or as soon as it is under way.
void cancel_pending(const atrium_pending* handle);
/// To be called once the work is under way.
void pending_begun(Pending& pending, std::function<void()> cancel);

}  // namespace kernel::abi
