#pragma once
// One exchange's callbacks: in order, one at a time, on pool threads, with a bound on what waits.
#include "egress/client.hpp"

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <variant>

namespace kernel::egress {

class Delivery : public std::enable_shared_from_this<Delivery> {
 public:
  static constexpr std::size_t high_water = 256 * 1024, low_water = 64 * 1024;

  /// `later` runs work after a moment, for when the pool is full; false: it cannot any more.
  Delivery(OutHandlers handlers, jobs::Jobs& jobs, std::function<bool(std::function<void()>)> later)
      : at_once_(handlers.at_once), handlers_(std::move(handlers)), jobs_(jobs), later_(std::move(later)) {}

  void head(int status, std::map<std::string, std::string> headers);
  /// False: more than the high-water mark waits; on_drained() is called when it has gone down.
  bool data(std::string_view piece);
  /// drop: what waits undelivered is left out.
  void done(std::int32_t status, std::string why, bool drop);

  std::function<void()> on_drained, on_abandoned;  ///< set before the first call; must not wait

 private:
  struct Head {
    int status;
    std::map<std::string, std::string> headers;
  };
  struct Done {
    std::int32_t status;
    std::string why;
  };
  using Event = std::variant<Head, std::string, Done>;

  void schedule();
  void run();
  void deliver(Event event);

  const bool at_once_;
  OutHandlers handlers_;
  jobs::Jobs& jobs_;
  std::function<bool(std::function<void()>)> later_;
  std::mutex mutex_;
  std::deque<Event> events_;
  std::size_t waiting_bytes_ = 0;
  bool scheduled_ = false, paused_ = false, abandoned_ = false;
};

}  // namespace kernel::egress
