#pragma once
// One client that follows the event log: what it may see, what it asked for, and how far it has come.
#include "auth/principal.hpp"
#include "events/log.hpp"
#include "jobs/jobs.hpp"
#include "routing/event_frame.hpp"

#include <functional>
#include <mutex>
#include <string>
#include <vector>

namespace kernel::routing {

/// Gets live events from the hub. While it catches up, from `after` or because its client lags, it reads the database
/// instead and passes live events by, so that its client gets every event in order and nothing waits in memory.
class Follower : public std::enable_shared_from_this<Follower> {
 public:
  enum class Sent : std::uint8_t {
    yes,
    pause,  ///< taken, but the client lags: go_on() is called when it has caught up
    gone
  };
  /// Called one at a time; never waits. catching_up: the event comes from the database, so there may be many.
  using SendFn = std::function<Sent(EventFrame&, bool catching_up)>;

  static constexpr std::size_t max_patterns = 64;

  Follower(events::Log& log, jobs::Jobs& jobs, auth::PrincipalPtr principal, SendFn send);

  /// Before anything else: events up to this one are of no concern, unless replay() brings them.
  void begin_after(std::int64_t sequence);
  /// False: there are max_patterns others already. `accepted` is called before the first event of the pattern is sent.
  /// The same pattern again changes nothing.
  bool follow(const std::string& pattern, const std::function<void()>& accepted = {});
  void unfollow(const std::string& pattern);
  /// Sends every event after `after` that matches, then goes on live. On a pool thread it reads the database.
  void replay(std::int64_t after);
  /// The client has caught up.
  void go_on();
  void close();

  /// By the hub, in order.
  void offer(EventFrame& frame);

 private:
  bool concerned(const events::Event& event) const;
  void post_pump();
  void pump();
  bool send_batch(std::vector<events::EventPtr> events, std::uint64_t generation);

  events::Log& log_;
  jobs::Jobs& jobs_;
  const auth::PrincipalPtr principal_;
  const SendFn send_;

  std::mutex mutex_;
  std::vector<std::string> patterns_;
  bool closed_ = false;
  bool replaying_ = false;
  bool paused_ = false;           ///< while replaying: waits for go_on()
  std::uint64_t generation_ = 0;  ///< of replays: a new one ends the one before
  std::int64_t position_ = 0;     ///< sent or passed by: of the last replay, or where it began
  std::int64_t live_ = 0;         ///< last event offered
};

}  // namespace kernel::routing
