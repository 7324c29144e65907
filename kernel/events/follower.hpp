#pragma once
#include "events/log.hpp"
#include "jobs/jobs.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace kernel::events {

/// Keeps what this node holds up to what any node stored: runs `load` soon after each event of the topic, and every 15
/// seconds, since events are best effort. On pool threads, one at a time; what it throws is logged as `component`, and
/// what was in effect stays. The destructor waits for a running one, and none begins after it. Ends before the log and
/// the jobs do.
class Follower {
 public:
  Follower(Log& log, jobs::Jobs& jobs, std::string component, std::string_view topic, std::function<void()> load);
  ~Follower();
  Follower(const Follower&) = delete;
  Follower& operator=(const Follower&) = delete;

 private:
  struct Loading;
  const std::shared_ptr<Loading> loading_;
  std::unique_ptr<Subscription> updates_;
  std::unique_ptr<jobs::Timer> safety_net_;
};

}  // namespace kernel::events
