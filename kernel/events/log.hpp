#pragma once
// The event log: what committed, in order. Live subscribers ride on commits; durable ones keep a cursor.
#include "jobs/jobs.hpp"
#include "storage/database.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace kernel::events {

using storage::Event;
using storage::EventPtr;

/// "task.created", "task.*" (that prefix and a dot), "*".
bool matches(std::string_view pattern, std::string_view topic);
bool valid_pattern(std::string_view pattern);

/// Ends the subscription when destroyed; returns once no call of it runs (unless from within such a call).
class Subscription {
 public:
  virtual ~Subscription() = default;
};

class Log {
 public:
  struct Options {
    std::int64_t keep_events = 1'000'000;  ///< older ones are removed
    std::chrono::milliseconds poll{200};   ///< how often other nodes' events are looked for (PostgreSQL)
  };
  Log(storage::Database& database, jobs::Jobs& jobs, Options options);
  ~Log();
  void start();
  void stop();

  /// Called on one thread of the log's own, in order of sequence, for every event from now on; must not wait.
  [[nodiscard]] std::unique_ptr<Subscription> live(std::function<void(const EventPtr&)> receive);
  /// At least once, in order, across restarts and nodes; false asks for the same event again after a pause. On a pool
  /// thread; a slow subscriber delays nobody else.
  [[nodiscard]] std::unique_ptr<Subscription> durable(std::string name, std::string pattern,
                                                      std::function<bool(const Event&)> receive);
  /// Events with sequence > after, oldest first, at most `limit`. Reads the database.
  std::vector<EventPtr> read_after(std::int64_t after, std::size_t limit);
  std::int64_t oldest();  ///< sequence of the oldest event still there; newest() + 1 when there is none
  std::int64_t newest();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kernel::events
