#pragma once
// The log's own thread: takes what commits hand over, fills gaps from the database, calls live subscribers in order.
#include "events/gate.hpp"
#include "events/reader.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace kernel::events {

class Dispatcher {
 public:
  /// poll: how often the database is asked for events nobody handed over; zero: only when a gap was noticed.
  Dispatcher(Reader& reader, std::chrono::milliseconds poll) : reader_(reader), poll_(poll) {}
  ~Dispatcher() { stop(); }

  /// Reads where the log ends and begins to deliver what follows.
  void start();
  void stop();
  /// Called by the committing thread; never waits for a subscriber or the database.
  void hand_over(std::vector<EventPtr> events);
  [[nodiscard]] std::unique_ptr<Subscription> subscribe(std::function<void(const EventPtr&)> receive);
  /// The last sequence delivered.
  std::int64_t position() const { return position_.load(std::memory_order_acquire); }

 private:
  struct Subscriber {
    std::function<void(const EventPtr&)> receive;
    Gate gate;
  };
  class Handle;

  void run();
  bool wait_for_work(std::deque<EventPtr>& batch);
  void deliver(const EventPtr& event);
  void catch_up(std::int64_t until);
  void forget(const Subscriber* subscriber);

  Reader& reader_;
  const std::chrono::milliseconds poll_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<EventPtr> waiting_;
  bool behind_ = false;  ///< something was not taken into `waiting_`, or a read failed: ask the database
  bool stopping_ = false;
  std::mutex subscribers_mutex_;
  std::shared_ptr<const std::vector<std::shared_ptr<Subscriber>>> subscribers_ =
      std::make_shared<const std::vector<std::shared_ptr<Subscriber>>>();
  std::atomic<std::int64_t> position_{0};
  std::thread thread_;
};

}  // namespace kernel::events
