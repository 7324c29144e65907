#include "events/durable.hpp"

#include "observability/log.hpp"

#include <algorithm>

namespace kernel::events {

namespace {

using namespace std::chrono_literals;
using observability::Level;

constexpr std::size_t batch_size = 256;
constexpr auto tick_period = 5s;  // a third of the lease
constexpr std::chrono::milliseconds first_pause{200}, longest_pause{30'000};
// How far a cursor may lag behind events that do not concern it before it is written all the same.
constexpr std::int64_t lazy_lag = 10'000;

}  // namespace

Durable::Durable(Reader& reader, Cursor cursor, jobs::Jobs& jobs, std::string name, std::string pattern,
                 std::function<bool(const Event&)> receive)
    : reader_(reader),
      cursor_(std::move(cursor)),
      jobs_(jobs),
      name_(std::move(name)),
      pattern_(std::move(pattern)),
      receive_(std::move(receive)) {}

void Durable::start() {
  auto ticker = jobs_.every(tick_period, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->tick();
  });
  {
    const std::scoped_lock lock(mutex_);
    ticker_ = std::move(ticker);
  }
  // Before this returns, so that a new subscriber gets every event from here on.
  try {
    take_lease();
  } catch (const std::exception& fault) {
    observability::log(Level::warning, "events", "durable subscriber " + name_ + " starts late: " + fault.what());
  }
  wake();
}

void Durable::on_live(const Event& event) {
  {
    const std::scoped_lock lock(mutex_);
    if (closed_) return;
    if (!matches(pattern_, event.topic)) {
      if (idle_ && leased_ && event.sequence == position_ + 1) position_ = event.sequence;
      return;
    }
  }
  wake();
}

void Durable::close() {
  std::unique_ptr<jobs::Timer> ticker;
  bool leased = false;
  {
    const std::scoped_lock lock(mutex_);
    if (closed_) return;
    closed_ = true;
    ticker = std::move(ticker_);
  }
  gate_.close();
  ticker.reset();
  {
    std::unique_lock lock(mutex_);
    if (runner_ != std::this_thread::get_id()) finished_.wait(lock, [this] { return runner_ == std::thread::id{}; });
    leased = leased_;
  }
  if (leased) cursor_.release();
}

void Durable::wake() {
  {
    const std::scoped_lock lock(mutex_);
    woken_ = true;
    if (closed_ || scheduled_ || pause_.count() > 0) return;
    scheduled_ = true;
  }
  if (jobs_.post([self = shared_from_this()] { self->run(); })) return;
  const std::scoped_lock lock(mutex_);
  scheduled_ = false;  // the pool is full: the next tick wakes it
}

void Durable::run() {
  {
    const std::scoped_lock lock(mutex_);
    runner_ = std::this_thread::get_id();
  }
  auto outcome = Round::again_later;
  try {
    outcome = round();
  } catch (const std::exception& fault) {
    observability::log(Level::warning, "events",
                       "durable subscriber " + name_ + " cannot go on, trying again: " + fault.what());
  }
  bool again = false;
  {
    const std::scoped_lock lock(mutex_);
    scheduled_ = false;
    runner_ = {};
    finished_.notify_all();
    if (closed_) return;
    if (outcome != Round::again_later) pause_ = 0ms;
    again = outcome == Round::more || (outcome == Round::idle && woken_);
  }
  if (outcome == Round::again_later) {
    retry_later();
  } else if (again) {
    wake();
  }
}

Durable::Round Durable::round() {
  bool renew = false;
  {
    const std::scoped_lock lock(mutex_);
    if (closed_) return Round::not_ours;
    woken_ = idle_ = false;
    renew = !leased_ || std::chrono::steady_clock::now() >= renew_at_;
  }
  if (renew && !take_lease()) return Round::not_ours;
  return read_and_handle();
}

bool Durable::take_lease() {
  const auto now = std::chrono::steady_clock::now();
  const auto reached = cursor_.acquire();
  const std::scoped_lock lock(mutex_);
  renew_at_ = now + tick_period;
  if (reached && !leased_) position_ = saved_ = *reached;
  leased_ = reached.has_value();
  return leased_;
}

Durable::Round Durable::read_and_handle() {
  const auto events = reader_.after(position_, batch_size);
  std::int64_t done = position_;
  bool handled = false, failed = false;
  for (const auto& event : events) {
    if (matches(pattern_, event->topic)) {
      bool good = false;
      gate_.pass([&] {
        try {
          good = receive_(*event);
        } catch (const std::exception& fault) {
          observability::log(Level::error, "events", "durable subscriber " + name_ + " failed: " + fault.what());
        }
      });
      if (!good) {
        failed = true;
        break;
      }
      handled = true;
    }
    done = event->sequence;
    if (ended()) break;
  }
  if ((handled || done - saved_ >= lazy_lag) && !save(done)) return Round::not_ours;
  const std::scoped_lock lock(mutex_);
  position_ = done;
  if (failed) return Round::again_later;
  idle_ = events.size() < batch_size;
  return idle_ ? Round::idle : Round::more;
}

bool Durable::save(std::int64_t sequence) {
  const bool held = cursor_.advance(sequence);
  const std::scoped_lock lock(mutex_);
  leased_ = held;
  if (held) saved_ = sequence;
  return held;
}

bool Durable::ended() {
  const std::scoped_lock lock(mutex_);
  return closed_ || std::chrono::steady_clock::now() >= renew_at_;
}

void Durable::tick() {
  bool running = false;
  {
    const std::scoped_lock lock(mutex_);
    if (closed_) return;
    running = scheduled_;
  }
  if (!running) return wake();
  // A batch is being worked off for longer than a tick: keep the lease meanwhile.
  try {
    const auto reached = cursor_.acquire();
    const std::scoped_lock lock(mutex_);
    if (!reached) leased_ = false;
  } catch (const std::exception& fault) {
    observability::log(Level::warning, "events", "cannot renew the lease of " + name_ + ": " + fault.what());
  }
}

void Durable::retry_later() {
  std::chrono::milliseconds pause;
  {
    const std::scoped_lock lock(mutex_);
    pause_ = std::clamp(pause_ * 2, first_pause, longest_pause);
    pause = pause_;
  }
  jobs_.after(pause, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    {
      const std::scoped_lock lock(self->mutex_);
      if (self->closed_ || self->scheduled_) return;
      self->scheduled_ = true;
    }
    self->run();
  });
}

}  // namespace kernel::events
