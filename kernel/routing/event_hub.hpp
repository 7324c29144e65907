#pragma once
// Hands each live event to every follower: one subscription of the log, one text for all.
#include "routing/follower.hpp"

#include <array>
#include <memory>
#include <mutex>
#include <unordered_set>

namespace kernel::routing {

class EventHub {
 public:
  explicit EventHub(events::Log& log);

  void add(std::shared_ptr<Follower> follower);
  void remove(const std::shared_ptr<Follower>& follower);
  std::size_t size() const;

 private:
  /// Joining and leaving wait for no more than one shard's share of the sending.
  struct Shard {
    std::mutex mutex;
    std::unordered_set<std::shared_ptr<Follower>> followers;
  };
  Shard& shard(const std::shared_ptr<Follower>& follower);
  void send(const events::EventPtr& event);

  mutable std::array<Shard, 16> shards_;
  std::unique_ptr<events::Subscription> subscription_;
};

}  // namespace kernel::routing
