#pragma once
// Requests that plugins hold. A slot is reused, its handle never: answering twice, or too late, meets nothing.
#include "abi/host_state.hpp"

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace kernel::abi {

class BodyPump;

/// One request in a plugin's hands. The exchange's context holds the route, and with it the host and its lease.
struct Request {
  std::shared_ptr<http::Exchange> exchange;
  routing::ContextPtr context;
  HostState* host = nullptr;
  http::Headers headers;  ///< set so far
  bool streaming = false;
  std::atomic<bool> deferred{false};
  std::shared_ptr<BodyPump> body;

  Request() = default;
  Request(Request&& other) noexcept;
  Request& operator=(Request&& other) noexcept;
};

/// Ends the plugin's hold on a request. Nullopt: stale.
std::optional<Request> consume(atrium_request* handle);
/// Whether a plugin may answer so.
bool valid_answer(std::int32_t status, atrium_str type);

/// Handles are numbers: index and generation. Looking one up takes no lock; a thread keeps one free slot at hand, so a
/// handler that answers at once costs no allocation either.
class RequestPool {
 public:
  static RequestPool& instance();
  /// Null: too many requests are being held.
  atrium_request* put(Request request);
  /// Null: stale. Valid until somebody take()s the handle.
  Request* find(const atrium_request* handle);
  /// Exactly one caller gets it.
  std::optional<Request> take(const atrium_request* handle);

 private:
  struct Slot {
    std::atomic<std::uint32_t> generation{0};  ///< odd while in use
    std::uint32_t index = 0;
    Request request;
  };
  static constexpr std::size_t chunk_size = 256, max_chunks = 1024;

  Slot* find_slot(const atrium_request* handle);
  Slot* free_slot();
  void release(Slot* slot);

  std::array<std::atomic<Slot*>, max_chunks> chunks_{};
  std::mutex mutex_;
  std::vector<Slot*> free_;
  std::size_t chunk_count_ = 0;
};

}  // namespace kernel::abi
