#include "events/follower.hpp"

#include "observability/log.hpp"

#include <atomic>
#include <chrono>
#include <mutex>

namespace kernel::events {
namespace {

constexpr std::chrono::seconds safety_period{15};

}  // namespace

struct Follower::Loading {
  std::string component;
  std::mutex turn;
  std::function<void()> load;  ///< empty: the follower is gone
  std::atomic<bool> posted = false;

  void again() {
    const std::lock_guard lock(turn);
    posted = false;  // before reading: a change that commits from here on posts again
    if (!load) return;
    try {
      load();
    } catch (const std::exception& fault) {
      observability::log(observability::Level::warning, component,
                         std::string("what was in effect stays: ") + fault.what());
    }
  }
};

Follower::Follower(Log& log, jobs::Jobs& jobs, std::string component, std::string_view topic,
                   std::function<void()> load)
    : loading_(std::make_shared<Loading>()) {
  loading_->component = std::move(component);
  loading_->load = std::move(load);
  updates_ = log.live([loading = loading_, &jobs, topic = std::string(topic)](const EventPtr& event) {
    if (event->topic != topic || loading->posted.exchange(true)) return;
    if (!jobs.post([loading] { loading->again(); })) loading->posted = false;
  });
  safety_net_ = jobs.every(safety_period, [loading = loading_] { loading->again(); });
}

Follower::~Follower() {
  updates_.reset();
  safety_net_.reset();
  const std::lock_guard lock(loading_->turn);
  loading_->load = nullptr;
}

}  // namespace kernel::events
