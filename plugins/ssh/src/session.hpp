#pragma once
// libssh2 without a waiting thread: each call is tried, and tried again once the socket is ready.
#include <atrium/egress.hpp>

#include <libssh2.h>

#include <chrono>
#include <memory>
#include <string>

namespace ssh {

/// A moment until which a piece of work may take.
class Deadline {
 public:
  using Clock = std::chrono::steady_clock;
  explicit Deadline(std::chrono::milliseconds from_now) : at_(Clock::now() + from_now) {}
  std::chrono::milliseconds left() const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(at_ - Clock::now());
  }

 private:
  Clock::time_point at_;
};

/// What went wrong on the way to a command: HTTP status, and the reason as a test names it ("unknown_host_key").
atrium::Problem trouble(int status, std::string_view reason, std::string title, std::string detail);
/// The reason of such a problem; empty for any other.
std::string reason_of(const atrium::Problem& problem);

struct HostKey {
  std::string algorithm, fingerprint;
};

/// One connection to one server. One coroutine at a time uses it.
class Session {
 public:
  Session(const atrium::Host& host, atrium::Socket socket, atrium::Cancellation stop);
  Session(const Session&) = delete;
  ~Session();

  LIBSSH2_SESSION* raw() const { return raw_; }
  const std::string& address() const { return socket_.address(); }
  const atrium::Cancellation& stop() const { return stop_; }

  /// Repeats attempt() while it answers EAGAIN. Throws 504 at the deadline, 499 when stopped.
  template <class F>
  atrium::Async<int> drive(F attempt, Deadline deadline) const {
    for (;;) {
      const int status = static_cast<int>(attempt());
      if (status != LIBSSH2_ERROR_EAGAIN) co_return status;
      auto waiting = wait(deadline);
      co_await waiting;
    }
  }
  /// What is being sent is stuck halfway; nothing else may be tried before that is through.
  bool is_sending() const { return (libssh2_session_block_directions(raw_) & LIBSSH2_SESSION_BLOCK_OUTBOUND) != 0; }
  /// Waits until libssh2 can go on: the socket takes more where something is being sent, else it has something to read.
  atrium::Async<void> wait(Deadline deadline) const;
  /// The same for the last moments of a session that was stopped.
  void never_mind_stop() { heeds_stop_ = false; }

  /// Up to the point where the server has shown its key, and nothing has been said about the user. The algorithm of a
  /// pinned key is asked for first: a server has one key for each.
  atrium::Async<void> handshake(std::string pinned_algorithm, Deadline deadline);
  HostKey host_key() const;
  std::string banner() const;
  std::string last_error() const;

 private:
  const atrium::Host* host_;
  atrium::Socket socket_;
  atrium::Cancellation stop_;
  LIBSSH2_SESSION* raw_;
  bool heeds_stop_ = true;
};

}  // namespace ssh
