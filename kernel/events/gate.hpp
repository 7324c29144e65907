#pragma once
// Guards a callback so that ending it waits for a running call, unless it is ended from within that call.
#include <mutex>

namespace kernel::events {

class Gate {
 public:
  /// Runs `call` unless closed. One at a time.
  template <typename Call>
  void pass(Call&& call) {
    const std::scoped_lock lock(mutex_);
    if (open_) call();
  }
  /// After it returns no call begins, and none runs but the one that this was called from.
  void close() {
    const std::scoped_lock lock(mutex_);
    open_ = false;
  }

 private:
  std::recursive_mutex mutex_;
  bool open_ = true;
};

}  // namespace kernel::events
