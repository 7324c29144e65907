#pragma once
// Sessions for reading, opened when first needed.
#include "storage/session.hpp"

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace kernel::storage {

class ReaderPool {
 public:
  ReaderPool(std::size_t size, std::function<std::unique_ptr<Session>()> open);

  /// Waits for a free session for five seconds at most. A thread that reads within a row function goes on with the
  /// session it has. A lost connection is replaced and the read tried once more.
  void read(std::string_view owner, std::string_view sql, Values parameters, const RowFn& row);
  std::uint64_t reads() const;

 private:
  struct alignas(64) Slot {
    std::atomic<bool> busy = false;
    std::atomic<std::uint64_t> reads = 0;
    std::unique_ptr<Session> session;
  };
  class Lease;

  Slot& acquire();
  Slot* try_acquire();
  void release(Slot& slot);
  Session& session_of(Slot& slot);

  const std::function<std::unique_ptr<Session>()> open_;
  std::vector<Slot> slots_;
  std::atomic<int> waiting_ = 0;
  std::mutex mutex_;
  std::condition_variable freed_;
};

}  // namespace kernel::storage
