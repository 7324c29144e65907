#pragma once
// A durable subscriber: reads behind its cursor on pool threads, one batch at a time, wherever its lease is held.
#include "events/cursor.hpp"
#include "events/gate.hpp"
#include "events/reader.hpp"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

namespace kernel::events {

class Durable : public std::enable_shared_from_this<Durable> {
 public:
  Durable(Reader& reader, Cursor cursor, jobs::Jobs& jobs, std::string name, std::string pattern,
          std::function<bool(const Event&)> receive);

  /// Begins: makes the cursor, takes the lease if it is free (waiting for the database) and works off what waits.
  void start();
  /// An event has committed. Called by the log's thread, in order; never waits.
  void on_live(const Event& event);
  /// After it returns `receive` is not called again (it may be called from within `receive`), and what was handled is
  /// saved, if the database takes it.
  void close();

 private:
  enum class Round : std::uint8_t { more, idle, not_ours, again_later };

  void wake();
  void run();
  Round round();
  bool take_lease();
  Round read_and_handle();
  bool save(std::int64_t sequence);
  void tick();
  bool ended();
  void retry_later();

  Reader& reader_;
  Cursor cursor_;
  jobs::Jobs& jobs_;
  const std::string name_, pattern_;
  const std::function<bool(const Event&)> receive_;
  Gate gate_;

  std::mutex mutex_;
  std::condition_variable finished_;
  std::thread::id runner_;  ///< the thread a round runs on
  bool closed_ = false, scheduled_ = false, woken_ = false;
  bool idle_ = false;  ///< everything up to position_ is handled, and nothing was waiting behind it
  bool leased_ = false;
  std::int64_t position_ = 0;  ///< handled, or known not to match
  std::int64_t saved_ = 0;     ///< what the cursor says
  std::chrono::milliseconds pause_{0};
  std::chrono::steady_clock::time_point renew_at_{};
  std::unique_ptr<jobs::Timer> ticker_;
};

}  // namespace kernel::events
