#include "routing/event_hub.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace kernel::routing {
namespace {

using namespace std::chrono_literals;

// What writing a round costs for each follower, and the longest that an event waits for it.
constexpr auto share_of_round = 12us;
constexpr std::chrono::microseconds longest_round = 50ms;
constexpr std::size_t most_waiting = 4096;  // a round leaves early for so many

}  // namespace

EventHub::EventHub(events::Log& log)
    : thread_([this](const std::stop_token& stop) { run(stop); }),
      subscription_(log.live([this](const events::EventPtr& event) { take(event); })) {}

EventHub::~EventHub() {
  thread_.request_stop();
  subscription_.reset();
}

void EventHub::take(const events::EventPtr& event) {
  {
    std::unique_lock lock(mutex_);
    // Full only while a round is being sent: then the log waits for that as if it sent it itself.
    changed_.wait(lock, thread_.get_stop_token(), [this] { return waiting_.size() < most_waiting; });
    waiting_.emplace_back(event);
    newest_ = event->sequence;
  }
  changed_.notify_all();
}

void EventHub::run(const std::stop_token& stop) {
  std::vector<EventFrame> round;
  auto next = std::chrono::steady_clock::now();
  for (std::unique_lock lock(mutex_); changed_.wait(lock, stop, [this] { return !waiting_.empty(); }); lock.lock()) {
    changed_.wait_until(lock, stop, next, [this] { return waiting_.size() >= most_waiting; });
    if (stop.stop_requested()) return;
    round.swap(waiting_);
    lock.unlock();
    changed_.notify_all();
    const auto began = std::chrono::steady_clock::now();
    const auto followers = static_cast<std::int64_t>(send(round));
    next = began + std::min(longest_round, followers * share_of_round);
    round.clear();
  }
}

EventHub::Shard& EventHub::shard(const std::shared_ptr<Follower>& follower) {
  return shards_[std::hash<const void*>{}(follower.get()) / alignof(std::max_align_t) / 8 % shards_.size()];
}

void EventHub::add(std::shared_ptr<Follower> follower) {
  {
    const std::scoped_lock lock(mutex_);
    follower->begin_after(newest_);  // what still waits in a round came before it
  }
  auto& home = shard(follower);
  const std::scoped_lock lock(home.mutex);
  home.followers.insert(std::move(follower));
}

void EventHub::remove(const std::shared_ptr<Follower>& follower) {
  follower->close();
  auto& home = shard(follower);
  const std::scoped_lock lock(home.mutex);
  home.followers.erase(follower);
}

std::size_t EventHub::size() const {
  std::size_t size = 0;
  for (auto& home : shards_) {
    const std::scoped_lock lock(home.mutex);
    size += home.followers.size();
  }
  return size;
}

std::size_t EventHub::send(std::vector<EventFrame>& frames) {
  std::size_t followers = 0;
  for (auto& home : shards_) {
    const std::scoped_lock lock(home.mutex);
    followers += home.followers.size();
    for (const auto& follower : home.followers) {
      for (auto& frame : frames) follower->offer(frame);
    }
  }
  return followers;
}

}  // namespace kernel::routing
