#include "places.hpp"

#include <algorithm>

namespace ssh {

Places::Place Places::take(const std::string& name, std::int64_t most) {
  const std::lock_guard lock(mutex_);
  const auto found = by_name_.find(name);
  const auto of_name = found == by_name_.end() ? 0 : found->second;
  if (of_name >= most)
    throw atrium::unavailable("This connection runs " + std::to_string(of_name) +
                              " commands already, as many as it allows at once (max_concurrent).");
  if (taken_ >= most_)
    throw atrium::unavailable(std::to_string(taken_) +
                              " SSH commands run already, as many as are allowed at once (plugin.ssh.max_executions).");
  ++taken_;
  ++by_name_[name];
  return {this, name};
}
void Places::give_back(const std::string& name) {
  const std::lock_guard lock(mutex_);
  --taken_;
  const auto found = by_name_.find(name);
  if (--found->second == 0) by_name_.erase(found);
}

atrium::Async<Doors::Pass> Doors::pass(std::string name, std::chrono::milliseconds patience,
                                       atrium::Cancellation stop) {
  std::shared_ptr<Waiter> waiter;
  {
    const std::lock_guard lock(mutex_);
    auto& door = doors_[name];
    if (door.inside < width_)
      ++door.inside;
    else
      waiter = door.queue.emplace_back(std::make_shared<Waiter>());
  }
  if (waiter) {
    const auto listening = stop.on_request([wake = waiter->wake] { wake.request(); });
    auto pausing = pause_(patience, waiter->wake);
    co_await pausing;
    const std::lock_guard lock(mutex_);
    if (!waiter->let_in) {
      std::erase(doors_[name].queue, waiter);
      if (stop.requested()) throw atrium::problem_for(ATRIUM_E_CANCELLED, "Nobody waits any more.");
      throw atrium::problem_for(ATRIUM_E_TIMEOUT, "Too many others were signing in there.");
    }
  }
  co_return Pass(this, std::move(name));
}

void Doors::leave(const std::string& name) {
  std::shared_ptr<Waiter> next;
  {
    const std::lock_guard lock(mutex_);
    const auto door = doors_.find(name);
    if (door->second.queue.empty()) {
      if (--door->second.inside == 0) doors_.erase(door);
      return;
    }
    next = door->second.queue.front();
    door->second.queue.pop_front();
    next->let_in = true;  // the place inside passes on
  }
  next->wake.request();
}

}  // namespace ssh
