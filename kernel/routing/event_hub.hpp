#pragma once
// Hands each live event to every follower: one subscription of the log, one text for all.
#include "routing/follower.hpp"

#include <array>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>
#include <unordered_set>
#include <vector>

namespace kernel::routing {

/// With many followers events go out in rounds: the first at once, what comes while the round before is still being
/// written with the next, so that each follower gets it in one write.
class EventHub {
 public:
  explicit EventHub(events::Log& log);
  ~EventHub();

  void add(std::shared_ptr<Follower> follower);
  void remove(const std::shared_ptr<Follower>& follower);
  std::size_t size() const;

 private:
  /// Joining and leaving wait for no more than one shard's share of the sending.
  struct Shard {
    mutable std::mutex mutex;
    std::unordered_set<std::shared_ptr<Follower>> followers;
  };
  Shard& shard(const std::shared_ptr<Follower>& follower);
  void take(const events::EventPtr& event);
  void run(const std::stop_token& stop);
  /// The number of followers.
  std::size_t send(std::vector<EventFrame>& frames);

  std::array<Shard, 16> shards_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<EventFrame> waiting_;  ///< guarded by mutex_
  std::int64_t newest_ = 0;          ///< guarded by mutex_: the last event taken
  std::jthread thread_;
  std::unique_ptr<events::Subscription> subscription_;
};

}  // namespace kernel::routing
