// atrium.events: changes recorded in a transaction, and subscriptions.
#include "abi/host_state.hpp"

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>

namespace kernel::abi {
namespace {

constexpr std::size_t max_waiting_events = 4096;

/// Hands what a plugin sees of an event to `use`.
template <class Use>
auto with_event(const storage::Event& event, Use use) {
  const atrium_event seen{sizeof(atrium_event), 0,
                          event.sequence,       event.time_us,
                          text(event.topic),    text(event.resource_id),
                          text(event.owner),    text(event.data),
                          text(event.actor)};
  return use(&seen);
}

/// Live events wait here for the pool, bounded: a plugin that cannot keep up misses some, which is logged.
class LiveQueue : public std::enable_shared_from_this<LiveQueue> {
 public:
  LiveQueue(std::shared_ptr<HostState> host, std::string pattern, atrium_event_fn function, void* self)
      : host_(std::move(host)), pattern_(std::move(pattern)), function_(function), self_(self) {}

  /// On the log's thread.
  void receive(const storage::EventPtr& event) {
    if (!events::matches(pattern_, event->topic)) return;
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    if (waiting_.size() >= max_waiting_events) {
      if (!behind_)
        observability::log(observability::Level::warning, host_->owner, "too slow for live events; some are lost");
      behind_ = true;
      return;
    }
    waiting_.push_back(event);
    if (!running_) running_ = host_->parts.jobs.post([self = shared_from_this()] { self->run(); });
  }

  /// Returns when no call runs, except from within one.
  void close() {
    std::unique_lock lock(mutex_);
    closed_ = true;
    waiting_.clear();
    if (runner_ == std::this_thread::get_id()) return;
    idle_.wait(lock, [this] { return runner_ == std::thread::id(); });
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    runner_ = std::this_thread::get_id();
    while (!closed_ && !waiting_.empty()) {
      const auto event = std::move(waiting_.front());
      waiting_.pop_front();
      lock.unlock();
      {
        const Inside inside(*host_);
        if (inside) {
          notify_plugin(*host_, "an event function",
                        [&] { with_event(*event, [&](const atrium_event* seen) { function_(self_, seen); }); });
        }
      }
      lock.lock();
    }
    behind_ = false;
    running_ = false;
    runner_ = {};
    idle_.notify_all();
  }

  const std::shared_ptr<HostState> host_;
  const std::string pattern_;
  const atrium_event_fn function_;
  void* const self_;
  std::mutex mutex_;
  std::condition_variable idle_;
  std::deque<storage::EventPtr> waiting_;
  std::thread::id runner_;
  bool running_ = false, closed_ = false, behind_ = false;
};

struct SubscriptionEntry {
  std::shared_ptr<HostState> host;
  std::shared_ptr<LiveQueue> live;  ///< null for a durable one
  std::unique_ptr<events::Subscription> subscription;
};
using Subscriptions = Handles<atrium_sub, SubscriptionEntry>;

std::int32_t record(atrium_tx* tx, const atrium_change* change, atrium_err* error) {
  return guard(error, [&]() -> std::int32_t {
    auto& transaction = TransactionScope::check(tx);
    if (change == nullptr || !ATRIUM_HAS(change, owner) || change->action.len == 0 || change->resource.len == 0) {
      return fail(error, ATRIUM_E_INVALID, "a change needs an action and a resource");
    }
    storage::Change recorded;
    recorded.action = view(change->action);
    recorded.resource = view(change->resource);
    recorded.resource_id = view(change->resource_id);
    recorded.topic = view(change->topic);
    recorded.data = view(change->data_json);
    recorded.owner = view(change->owner);
    if (ATRIUM_HAS(change, outcome) && change->outcome.len > 0) recorded.outcome = view(change->outcome);
    if (recorded.outcome != "success" && recorded.outcome != "failure")
      return fail(error, ATRIUM_E_INVALID, R"(a change's outcome is "success" or "failure")");
    transaction.record(std::move(recorded));
    return ATRIUM_OK;
  });
}

/// Checks what both kinds of subscription need, and keeps what `begin` made under a handle.
template <class Begin>
std::int32_t add(const atrium_host* handle, atrium_str pattern, atrium_sub** out, atrium_err* error, Begin begin) {
  return guard(error, [&]() -> std::int32_t {
    HostState& host = HostState::of(handle);
    if (!events::valid_pattern(view(pattern))) {
      return fail(error, ATRIUM_E_INVALID, R"(a pattern is like "note.created", "note.*" or "*")");
    }
    const auto promise = Promise::make(host);
    if (!promise) return fail(error, ATRIUM_E_CANCELLED, "the plugin is being stopped");
    auto entry = std::make_shared<SubscriptionEntry>();
    entry->host = host.shared_from_this();
    begin(*entry);
    atrium_sub* subscription = Subscriptions::instance().put(std::move(entry));
    if (out != nullptr) *out = subscription;
    return ATRIUM_OK;
  });
}

std::int32_t subscribe(const atrium_host* handle, atrium_str pattern, atrium_event_fn function, void* self,
                       atrium_sub** out, atrium_err* error) {
  return add(handle, pattern, out, error, [&](SubscriptionEntry& entry) {
    entry.live = std::make_shared<LiveQueue>(entry.host, std::string(view(pattern)), function, self);
    entry.subscription =
        entry.host->parts.events.live([queue = entry.live](const storage::EventPtr& event) { queue->receive(event); });
  });
}

std::int32_t subscribe_durable(const atrium_host* handle, atrium_str name, atrium_str pattern,
                               atrium_durable_fn function, void* self, atrium_sub** out, atrium_err* error) {
  return add(handle, pattern, out, error, [&](SubscriptionEntry& entry) {
    if (name.len == 0 || name.len > 100)
      throw std::invalid_argument("a durable subscription needs a name, at most 100 bytes");
    entry.subscription = entry.host->parts.events.durable(
        entry.host->owner + "/" + std::string(view(name)), std::string(view(pattern)),
        [state = entry.host, function, self](const storage::Event& event) {
          const Inside inside(*state);
          if (!inside) return false;
          return call_plugin(*state, "a durable event function", [&] {
                   return with_event(event, [&](const atrium_event* seen) { return function(self, seen); });
                 }) >= 0;
        });
  });
}

void unsubscribe(atrium_sub* handle) {
  guard(nullptr, [&] {
    const auto entry = Subscriptions::instance().take(handle);
    if (!entry) return ATRIUM_E_NOT_FOUND;
    entry->subscription.reset();
    if (entry->live) entry->live->close();
    return ATRIUM_OK;
  });
}

}  // namespace

void end_subscriptions(HostState& host) {
  for (atrium_sub* handle : Subscriptions::instance().of(&host)) unsubscribe(handle);
}

const atrium_events events_table = {sizeof(atrium_events), 0, record, subscribe, subscribe_durable, unsubscribe};

}  // namespace kernel::abi
