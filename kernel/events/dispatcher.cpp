#include "events/dispatcher.hpp"

#include "observability/log.hpp"

#include <limits>

namespace kernel::events {

namespace {

// Beyond it events are read back from the database instead of being held in memory.
constexpr std::size_t max_waiting = 65'536;
constexpr std::size_t read_batch = 512;
constexpr std::chrono::milliseconds retry_pause{200};

}  // namespace

class Dispatcher::Handle final : public Subscription {
 public:
  Handle(Dispatcher& dispatcher, std::shared_ptr<Subscriber> subscriber)
      : dispatcher_(dispatcher), subscriber_(std::move(subscriber)) {}
  ~Handle() override {
    dispatcher_.forget(subscriber_.get());
    subscriber_->gate.close();
  }

 private:
  Dispatcher& dispatcher_;
  std::shared_ptr<Subscriber> subscriber_;
};

void Dispatcher::start() {
  position_ = reader_.highest();
  thread_ = std::thread([this] { run(); });
}

void Dispatcher::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Dispatcher::hand_over(std::vector<EventPtr> events) {
  {
    const std::scoped_lock lock(mutex_);
    if (waiting_.size() + events.size() > max_waiting) {
      behind_ = true;
    } else {
      waiting_.insert(waiting_.end(), std::make_move_iterator(events.begin()), std::make_move_iterator(events.end()));
    }
  }
  wake_.notify_one();
}

std::unique_ptr<Subscription> Dispatcher::subscribe(std::function<void(const EventPtr&)> receive) {
  auto subscriber = std::make_shared<Subscriber>();
  subscriber->receive = std::move(receive);
  const std::scoped_lock lock(subscribers_mutex_);
  auto next = std::make_shared<std::vector<std::shared_ptr<Subscriber>>>(*subscribers_);
  next->push_back(subscriber);
  subscribers_ = std::move(next);
  return std::make_unique<Handle>(*this, std::move(subscriber));
}

void Dispatcher::forget(const Subscriber* subscriber) {
  const std::scoped_lock lock(subscribers_mutex_);
  auto next = std::make_shared<std::vector<std::shared_ptr<Subscriber>>>(*subscribers_);
  std::erase_if(*next, [&](const auto& entry) { return entry.get() == subscriber; });
  subscribers_ = std::move(next);
}

void Dispatcher::run() {
  std::deque<EventPtr> batch;
  while (wait_for_work(batch)) {
    try {
      for (const auto& event : batch) {
        if (event->sequence <= position()) continue;
        if (event->sequence != position() + 1) catch_up(event->sequence);
        if (event->sequence > position()) deliver(event);
      }
      if (batch.empty()) catch_up(std::numeric_limits<std::int64_t>::max());
    } catch (const std::exception& fault) {
      observability::log(observability::Level::warning, "events",
                         std::string("cannot read the event log, trying again: ") + fault.what());
      std::unique_lock lock(mutex_);
      behind_ = true;
      wake_.wait_for(lock, retry_pause, [this] { return stopping_; });
    }
    batch.clear();
  }
}

// An empty batch asks for a look into the database.
bool Dispatcher::wait_for_work(std::deque<EventPtr>& batch) {
  std::unique_lock lock(mutex_);
  const auto ready = [this] { return stopping_ || behind_ || !waiting_.empty(); };
  if (poll_.count() > 0) {
    wake_.wait_for(lock, poll_, ready);
  } else {
    wake_.wait(lock, ready);
  }
  if (stopping_) return false;
  if (waiting_.empty()) behind_ = false;
  batch.swap(waiting_);
  return true;
}

// Delivers what the database holds below `until`, as far as it is committed.
void Dispatcher::catch_up(std::int64_t until) {
  for (;;) {
    const auto events = reader_.after(position(), read_batch);
    for (const auto& event : events) {
      if (event->sequence >= until) return;
      deliver(event);
    }
    if (events.size() < read_batch) return;
    const std::scoped_lock lock(mutex_);
    if (stopping_) return;
  }
}

void Dispatcher::deliver(const EventPtr& event) {
  std::shared_ptr<const std::vector<std::shared_ptr<Subscriber>>> subscribers;
  {
    const std::scoped_lock lock(subscribers_mutex_);
    subscribers = subscribers_;
  }
  position_.store(event->sequence, std::memory_order_release);
  for (const auto& subscriber : *subscribers) {
    subscriber->gate.pass([&] {
      try {
        subscriber->receive(event);
      } catch (const std::exception& fault) {
        observability::log(observability::Level::error, "events",
                           std::string("a live subscriber failed: ") + fault.what());
      }
    });
  }
}

}  // namespace kernel::events
