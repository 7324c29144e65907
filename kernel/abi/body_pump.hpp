#pragma once
// Carries a streamed body from the connection's I/O thread to the plugin on the pool, one piece at a time.
#include "abi/host_state.hpp"

#include <memory>
#include <mutex>
#include <string>

namespace kernel::abi {

class BodyPump : public std::enable_shared_from_this<BodyPump> {
 public:
  BodyPump(std::shared_ptr<HostState> host, std::shared_ptr<http::Exchange> exchange, atrium_request* handle,
           atrium_body_fn function, void* context);
  void start();
  /// The plugin can take the next piece. False: it was not paused.
  bool resume();

 private:
  bool on_piece(std::string_view piece, bool last, bool failed);
  void post(std::string piece, bool last);
  void deliver(std::string_view piece, bool last);
  std::int32_t call(std::string_view piece, bool last, const atrium_err* failure);

  const std::shared_ptr<HostState> host_;
  const std::weak_ptr<http::Exchange> exchange_;  // the exchange holds the sink, and with it this pump
  atrium_request* const handle_;
  const atrium_body_fn function_;
  void* const context_;

  std::mutex mutex_;
  bool delivering_ = false;     ///< from the piece's arrival until the function has returned
  bool paused_ = false;         ///< until resume(): what the function writes to may be gone, so nothing calls it
  bool resumed_early_ = false;  ///< before the function had returned ATRIUM_PENDING
  bool refused_ = false;
  atrium_err failure_{};  ///< code 0: none
};

}  // namespace kernel::abi
