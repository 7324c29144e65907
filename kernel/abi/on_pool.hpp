#pragma once
#include <atrium/plugin.hpp>

#include <coroutine>

namespace kernel::abi {

/// Awaitable: goes on on a pool thread, where the database and the disk may be waited for.
struct OnPool {
  const atrium::Host& host;
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> waiting) const {
    if (!host.post([waiting] { waiting.resume(); })) waiting.resume();
  }
  void await_resume() const {}
};

}  // namespace kernel::abi
