#pragma once
// Events and audit rows of the fake host: kept for the test, and delivered to the plugin's subscriptions.
#include "fake_db.hpp"

namespace atrium::testing {

/// What record() wrote, once committed. An empty topic is an audit row without an event.
struct Recorded {
  std::int64_t sequence = 0;
  std::string action, resource, resource_id, topic, data, owner, actor, outcome;
  Json json() const { return json_of(data); }
};

struct FakeSubscription {
  std::string name, pattern;  ///< name: durable ones only
  std::function<std::int32_t(const atrium_event&)> take;
  std::deque<Recorded> waiting;
  bool ended = false, delivering = false;
  std::thread::id runner;
};

}  // namespace atrium::testing

struct atrium_sub {
  atrium::testing::FakeEvents* events;
  std::shared_ptr<atrium::testing::FakeSubscription> state;
};

namespace atrium::testing {

class FakeEvents {
 public:
  static constexpr std::int64_t retry_ms = 1'000;  ///< a durable subscriber that failed gets the event again after it

  explicit FakeEvents(FakeCore& core) : core_(core) {}

  /// Everything committed so far, in order.
  std::vector<Recorded> recorded() const {
    const std::lock_guard lock(core_.mutex);
    return recorded_;
  }
  std::vector<std::string> topics() const {
    std::vector<std::string> topics;
    for (const auto& change : recorded())
      if (!change.topic.empty()) topics.push_back(change.topic);
    return topics;
  }
  /// The last event of this topic; throws when there is none.
  Recorded last(std::string_view topic) const {
    const auto all = recorded();
    const auto found = std::find_if(all.rbegin(), all.rend(), [&](const Recorded& r) { return r.topic == topic; });
    if (found == all.rend()) throw std::logic_error("no event " + std::string(topic) + " was committed");
    return *found;
  }
  /// An event of another plugin's.
  void publish(const std::string& topic, const std::string& resource_id, const Json& data,
               const std::string& actor = "plugin:test", const std::string& owner = {}) {
    commit({0, topic, topic.substr(0, topic.find('.')), resource_id, topic, dump(data), owner, actor, "success"});
  }

  static const atrium_events table;

 private:
  using Subscription = std::shared_ptr<FakeSubscription>;

  static bool matches(std::string_view pattern, std::string_view topic) {
    if (!pattern.ends_with('*')) return pattern == topic;
    pattern.remove_suffix(1);
    return topic.starts_with(pattern);
  }
  void commit(Recorded change) {
    std::vector<Subscription> reached;
    {
      const std::lock_guard lock(core_.mutex);
      change.sequence = static_cast<std::int64_t>(recorded_.size()) + 1;
      recorded_.push_back(change);
      if (change.topic.empty()) return;
      for (const auto& subscription : subscriptions_) {
        if (!matches(subscription->pattern, change.topic)) continue;
        subscription->waiting.push_back(change);
        reached.push_back(subscription);
      }
    }
    for (const auto& subscription : reached) core_.jobs->post([this, subscription] { deliver(subscription); });
  }
  /// One at a time and in order; a durable one that fails is tried again later from the same event on.
  void deliver(const Subscription& to) {
    std::unique_lock lock(core_.mutex);
    if (std::exchange(to->delivering, true)) return;
    to->runner = std::this_thread::get_id();
    while (!to->ended && !to->waiting.empty()) {
      const Recorded change = to->waiting.front();
      lock.unlock();
      const atrium_event event{sizeof(atrium_event), 0,
                               change.sequence,      Time::now().microseconds,
                               view(change.topic),   view(change.resource_id),
                               view(change.owner),   view(change.data),
                               view(change.actor)};
      const auto status = to->take(event);
      lock.lock();
      if (status < 0) {
        core_.jobs->after(retry_ms, [this, to] { deliver(to); });
        break;
      }
      to->waiting.pop_front();
    }
    to->delivering = false;
    to->runner = {};
    lock.unlock();
    idle_.notify_all();
  }
  atrium_sub* add(std::string name, std::string pattern, std::function<std::int32_t(const atrium_event&)> take) {
    auto subscription = std::make_shared<FakeSubscription>();
    subscription->name = std::move(name);
    subscription->pattern = std::move(pattern);
    subscription->take = std::move(take);
    const std::lock_guard lock(core_.mutex);
    subscriptions_.push_back(subscription);
    return new atrium_sub{this, subscription};
  }
  void remove(const Subscription& subscription) {
    std::unique_lock lock(core_.mutex);
    subscription->ended = true;
    std::erase(subscriptions_, subscription);
    if (subscription->runner != std::this_thread::get_id()) idle_.wait(lock, [&] { return !subscription->delivering; });
  }

  static std::int32_t record(atrium_tx* tx, const atrium_change* change, atrium_err* error);
  static std::int32_t subscribe(const atrium_host* host, atrium_str pattern, atrium_event_fn take, void* self,
                                atrium_sub** out, atrium_err*) {
    *out = FakeCore::of(host).events->add({}, string_of(pattern), [take, self](const atrium_event& event) {
      take(self, &event);
      return ATRIUM_OK;
    });
    return ATRIUM_OK;
  }
  static std::int32_t subscribe_durable(const atrium_host* host, atrium_str name, atrium_str pattern,
                                        atrium_durable_fn take, void* self, atrium_sub** out, atrium_err* error) {
    auto* events = FakeCore::of(host).events;
    for (const auto& subscription : events->subscriptions_)
      if (subscription->name == text_of(name)) return fail(error, ATRIUM_E_INVALID, "a durable name is used once");
    *out = events->add(string_of(name), string_of(pattern),
                       [take, self](const atrium_event& event) { return take(self, &event); });
    return ATRIUM_OK;
  }

  FakeCore& core_;
  std::condition_variable_any idle_;
  std::vector<Recorded> recorded_;
  std::vector<Subscription> subscriptions_;
};

inline std::int32_t FakeEvents::record(atrium_tx* tx, const atrium_change* change, atrium_err* error) {
  FakeDb::check(tx);
  if (text_of(change->action).empty() || text_of(change->resource).empty())
    return fail(error, ATRIUM_E_INVALID, "a change needs an action and a resource");
  if (!text_of(change->topic).empty() && !Json::accept(text_of(change->data_json)))
    return fail(error, ATRIUM_E_INVALID, "an event's data must be JSON");
  Recorded recorded{.action = string_of(change->action),
                    .resource = string_of(change->resource),
                    .resource_id = string_of(change->resource_id),
                    .topic = string_of(change->topic),
                    .data = string_of(change->data_json),
                    .owner = string_of(change->owner),
                    .actor = tx->who ? tx->who->kind + ":" + tx->who->id : "plugin:under-test",
                    .outcome = text_of(change->outcome).empty() ? "success" : string_of(change->outcome)};
  tx->on_commit.push_back([events = tx->host->events, recorded = std::move(recorded)] { events->commit(recorded); });
  return ATRIUM_OK;
}

inline const atrium_events FakeEvents::table{sizeof(atrium_events),
                                             0,
                                             &FakeEvents::record,
                                             &FakeEvents::subscribe,
                                             &FakeEvents::subscribe_durable,
                                             [](atrium_sub* handle) {
                                               const std::unique_ptr<atrium_sub> owned(handle);
                                               handle->events->remove(handle->state);
                                             }};

}  // namespace atrium::testing
