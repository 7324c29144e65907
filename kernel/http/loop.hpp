#pragma once
// What a connection needs of the I/O thread it lives on, and of the server as a whole. Nothing of Pistache.
#include "http/post_box.hpp"
#include "http/server.hpp"
#include "http/tls.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>

namespace kernel::http {

using Clock = std::chrono::steady_clock;
class Connection;

struct AtomicCounters {
  std::atomic<std::uint64_t> accepted{0}, refused_full{0}, open{0}, websockets{0}, parse_faults{0}, timeouts{0},
      slow_dropped{0};
};

/// One per server, shared by the acceptor and every I/O thread; outlives them.
struct ServerState : std::enable_shared_from_this<ServerState> {
  ServerOptions options;
  std::shared_ptr<Dispatcher> dispatcher;
  std::unique_ptr<TlsContext> tls;  ///< null: plain HTTP
  AtomicCounters counters;
  std::atomic<bool> draining{false};

  /// Counts one connection out and wakes drain().
  void connection_closed();
  /// True once no connection is open; false when `patience` ran out first.
  bool wait_until_closed(std::chrono::milliseconds patience);

 private:
  std::mutex mutex_;
  std::condition_variable closed_;
};

/// One I/O thread. Everything here is for that thread only, except box().
class Loop {
 public:
  virtual ~Loop() = default;

  ServerState& server() const { return *server_; }
  const std::shared_ptr<PostBox>& box() const { return box_; }
  /// The time at which this turn began.
  Clock::time_point now() const { return now_; }
  /// Where sockets are read into; valid until the next read.
  std::span<char> scratch() { return {scratch_.data(), scratch_.size()}; }
  /// The Date field's value, made once a second.
  std::string_view date();

  virtual void set_interest(int descriptor, bool read, bool write) = 0;
  /// Takes the connection out and closes its descriptor. The object lives on until the turn ends.
  virtual void remove(Connection& connection) = 0;

 protected:
  explicit Loop(std::shared_ptr<ServerState> server);
  void begin_turn() { now_ = Clock::now(); }

 private:
  std::shared_ptr<ServerState> server_;
  std::shared_ptr<PostBox> box_ = std::make_shared<PostBox>();
  Clock::time_point now_ = Clock::now();
  std::string scratch_;
  std::string date_;
  Clock::time_point date_until_{};
};

}  // namespace kernel::http
