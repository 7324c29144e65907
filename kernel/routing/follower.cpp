#include "routing/follower.hpp"

#include "observability/log.hpp"

#include <algorithm>
#include <chrono>

namespace kernel::routing {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t batch = 256;
constexpr auto retry_pause = 500ms;

}  // namespace

Follower::Follower(events::Log& log, jobs::Jobs& jobs, auth::PrincipalPtr principal, SendFn send)
    : log_(log), jobs_(jobs), principal_(std::move(principal)), send_(std::move(send)) {}

void Follower::begin_after(std::int64_t sequence) {
  const std::scoped_lock lock(mutex_);
  position_ = sequence;
}

bool Follower::follow(const std::string& pattern, const std::function<void()>& accepted) {
  const std::scoped_lock lock(mutex_);
  const bool known = std::find(patterns_.begin(), patterns_.end(), pattern) != patterns_.end();
  if (!known && patterns_.size() >= max_patterns) return false;
  if (!known) patterns_.push_back(pattern);
  if (accepted) accepted();
  return true;
}

void Follower::unfollow(const std::string& pattern) {
  const std::scoped_lock lock(mutex_);
  std::erase(patterns_, pattern);
}

void Follower::close() {
  const std::scoped_lock lock(mutex_);
  closed_ = true;
}

bool Follower::concerned(const events::Event& event) const {
  if (!event.owner.empty() && event.owner != principal_->id) return false;
  return std::any_of(patterns_.begin(), patterns_.end(),
                     [&](const std::string& pattern) { return events::matches(pattern, event.topic); });
}

void Follower::offer(EventFrame& frame) {
  const std::scoped_lock lock(mutex_);
  live_ = frame.event().sequence;
  // A replay may have read it from the database before it came here.
  if (closed_ || replaying_ || live_ <= position_ || !concerned(frame.event())) return;
  const auto sent = send_(frame, false);
  if (sent == Sent::gone) closed_ = true;
  if (sent != Sent::pause) return;
  replaying_ = paused_ = true;
  position_ = live_;
  ++generation_;
}

void Follower::replay(std::int64_t after) {
  {
    const std::scoped_lock lock(mutex_);
    replaying_ = true;
    paused_ = false;
    position_ = after;
    ++generation_;
  }
  post_pump();
}

void Follower::go_on() {
  {
    const std::scoped_lock lock(mutex_);
    if (!paused_ || closed_) return;
    paused_ = false;
  }
  post_pump();
}

void Follower::post_pump() {
  if (jobs_.post([self = shared_from_this()] { self->pump(); })) return;
  jobs_.after(retry_pause, [self = shared_from_this()] { self->pump(); });
}

// One batch a turn, so that a long replay does not keep a pool thread from others.
void Follower::pump() {
  std::int64_t after = 0;
  std::uint64_t generation = 0;
  {
    const std::scoped_lock lock(mutex_);
    if (closed_ || !replaying_ || paused_) return;
    after = position_;
    generation = generation_;
  }
  try {
    if (send_batch(log_.read_after(after, batch), generation)) post_pump();
  } catch (const std::exception& fault) {
    observability::log(observability::Level::warning, "events",
                       std::string("a replay cannot read the event log, trying again: ") + fault.what());
    jobs_.after(retry_pause, [self = shared_from_this()] { self->pump(); });
  }
}

// True: there is more. The lock is held, so that a live event is either passed by before the end is noticed, or sent
// after it.
bool Follower::send_batch(std::vector<events::EventPtr> events, std::uint64_t generation) {
  const std::scoped_lock lock(mutex_);
  if (closed_ || generation != generation_) return false;
  const bool end = events.size() < batch;
  for (auto& event : events) {
    EventFrame frame(std::move(event));
    position_ = frame.event().sequence;
    if (!concerned(frame.event())) continue;
    const auto sent = send_(frame, true);
    if (sent == Sent::gone) closed_ = true;
    if (sent == Sent::pause) paused_ = true;
    if (sent != Sent::yes) return false;
  }
  if (!end || live_ > position_) return true;
  replaying_ = false;
  return false;
}

}  // namespace kernel::routing
