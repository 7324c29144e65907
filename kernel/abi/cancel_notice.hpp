#pragma once
#include "abi/host_state.hpp"

#include <atomic>
#include <functional>
#include <memory>

namespace kernel::abi {

/// Tells a plugin exactly once how its waiting for a cancellation ended: that it came, or (when this goes) that it can
/// come no more. So the plugin knows when its context may go.
class CancelNotice {
 public:
  CancelNotice(std::shared_ptr<HostState> host, atrium_cancel_fn notify, void* context)
      : host_(std::move(host)), notify_(notify), context_(context) {}
  CancelNotice(const CancelNotice&) = delete;
  CancelNotice& operator=(const CancelNotice&) = delete;
  ~CancelNotice() { tell(0); }

  static std::function<void()> function(std::shared_ptr<HostState> host, atrium_cancel_fn notify, void* context) {
    return [notice = std::make_shared<CancelNotice>(std::move(host), notify, context)] { notice->tell(1); };
  }

 private:
  void tell(std::int32_t cancelled) {
    if (told_.exchange(true)) return;
    const Inside inside(*host_);
    if (inside) notify_plugin(*host_, "a function for cancellation", [&] { notify_(context_, cancelled); });
  }
  std::shared_ptr<HostState> host_;
  atrium_cancel_fn notify_;
  void* context_;
  std::atomic<bool> told_{false};
};

}  // namespace kernel::abi
