#include "routing/event_hub.hpp"

namespace kernel::routing {

EventHub::EventHub(events::Log& log)
    : subscription_(log.live([this](const events::EventPtr& event) { send(event); })) {}

EventHub::Shard& EventHub::shard(const std::shared_ptr<Follower>& follower) {
  return shards_[std::hash<const void*>{}(follower.get()) / alignof(std::max_align_t) / 8 % shards_.size()];
}

void EventHub::add(std::shared_ptr<Follower> follower) {
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

void EventHub::send(const events::EventPtr& event) {
  EventFrame frame(event);
  for (auto& home : shards_) {
    const std::scoped_lock lock(home.mutex);
    for (const auto& follower : home.followers) follower->offer(frame);
  }
}

}  // namespace kernel::routing
