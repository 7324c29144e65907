#include "command.hpp"

#include <algorithm>

namespace ssh {

using atrium::Async;

namespace {

constexpr std::uint32_t window = 256 << 10;  // what a server may send before anybody reads
constexpr std::chrono::milliseconds start_timeout{15'000}, stop_timeout{5'000};

/// SSH has a request for signals, but libssh2 1.10 does not send it, and closing a channel leaves the command running.
/// So its process group is ended by a second command of the same user: both are children of the server's process for
/// this connection. It says when it has sent the first signal; that connection may end then, and not before.
constexpr std::string_view reaper =
    "g=$(ps -A -o ppid= -o pgid= -o pid= | while read -r p g i; do [ \"$p\" = \"$PPID\" ] && [ \"$i\" != \"$$\" ] && "
    "echo \"-$g\"; done); [ -n \"$g\" ] && kill -TERM $g; echo sent; [ -n \"$g\" ] && sleep 2 && kill -KILL $g";

class Channel {
 public:
  Channel() = default;
  Channel(Channel&& other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}
  Channel& operator=(Channel&& other) noexcept {
    std::swap(raw_, other.raw_);
    return *this;
  }
  // Never waits: what cannot be said now is said by the session's end.
  ~Channel() {
    if (raw_) libssh2_channel_free(raw_);
  }
  static Async<Channel> open(Session& session, Deadline deadline) {
    Channel channel;
    auto opening = session.drive(
        [&] {
          channel.raw_ =
              libssh2_channel_open_ex(session.raw(), "session", 7, window, LIBSSH2_CHANNEL_PACKET_DEFAULT, nullptr, 0);
          return channel.raw_ ? 0 : libssh2_session_last_errno(session.raw());
        },
        deadline);
    if (co_await opening != 0)
      throw trouble(502, "command_refused", "The server opens no session for a command", session.last_error());
    co_return std::move(channel);
  }
  Async<void> start(Session& session, std::string command, Deadline deadline) const {
    auto starting = session.drive(
        [&] {
          return libssh2_channel_process_startup(raw_, "exec", 4, command.data(),
                                                 static_cast<unsigned>(command.size()));
        },
        deadline);
    if (co_await starting != 0)
      throw trouble(502, "command_refused", "The server does not run the command", session.last_error());
  }
  LIBSSH2_CHANNEL* raw() const { return raw_; }

 private:
  LIBSSH2_CHANNEL* raw_ = nullptr;
};

/// The streams of a command that was started.
class Conversation {
 public:
  Conversation(Session& session, const Channel& channel, std::string input, const CommandLimits& limits)
      : session_(session), channel_(channel.raw()), input_(std::move(input)), limits_(limits) {}

  Async<CommandEnd> run() {
    const Deadline deadline(limits_.timeout);
    try {
      auto talking = talk(deadline);
      co_await talking;
    } catch (const atrium::Problem& problem) {
      end_.outcome = problem.status == 499   ? Outcome::cancelled
                     : problem.status == 504 ? Outcome::timed_out
                                             : Outcome::connection_lost;
      if (end_.outcome == Outcome::connection_lost) end_.detail = problem.what();
    }
    co_return std::move(end_);
  }

 private:
  Async<void> talk(Deadline deadline) {
    while (!libssh2_channel_eof(channel_)) {
      auto talking = exchange(deadline);
      const bool moved = co_await talking;
      if (end_.read > max_read) {
        end_.outcome = Outcome::output_limit;
        co_return;
      }
      if (deadline.left().count() <= 0) throw atrium::problem_for(ATRIUM_E_TIMEOUT, "The command took too long.");
      if (session_.stop().requested()) throw atrium::problem_for(ATRIUM_E_CANCELLED, "Nobody waits any more.");
      auto signing = give_sign();
      co_await signing;
      if (moved || has_more()) continue;
      auto pausing = pause(deadline);
      co_await pausing;
    }
    // The output has ended, the command perhaps not yet.
    auto closing = session_.drive([this] { return libssh2_channel_wait_closed(channel_); }, deadline);
    if (const int status = co_await closing; status != 0) throw lost(status);
    conclude();
  }

  /// Reading one stream also takes in what came for the other, or room to write: the socket will not tell of that
  /// again.
  bool has_more() const {
    return libssh2_channel_eof(channel_) || libssh2_poll_channel_read(channel_, 0) != 0 ||
           (written_ < input_.size() && libssh2_channel_window_write(channel_) > 0);
  }
  /// Waits for more, but not beyond the next sign of life.
  Async<void> pause(Deadline deadline) {
    const auto left = deadline.left();
    constexpr std::chrono::milliseconds least{1};
    const Deadline until(limits_.alive.give ? std::clamp(next_sign_.left(), least, std::max(left, least)) : left);
    try {
      auto waiting = session_.wait(until);
      co_await waiting;
    } catch (const atrium::Problem& problem) {
      if (problem.status != 504 || deadline.left().count() <= 0) throw;
    }
  }
  Async<void> give_sign() {
    if (!limits_.alive.give || next_sign_.left().count() > 0) co_return;
    next_sign_ = Deadline(limits_.alive.every);
    auto giving = limits_.alive.give();
    co_await giving;
  }

  /// Does what can be done now on each stream; false: nothing could.
  Async<bool> exchange(Deadline deadline) {
    bool moved = false;
    if (!input_ended_) {
      auto writing = whole([this] { return write_input(); }, deadline);
      moved = co_await writing > 0;
    }
    for (auto& [kept, stream] :
         {std::pair<std::string*, int>{&end_.output, 0}, {&end_.errors, SSH_EXTENDED_DATA_STDERR}}) {
      auto reading = whole([this, stream = stream] { return read_piece(stream); }, deadline);
      const auto got = co_await reading;
      if (got == LIBSSH2_ERROR_EAGAIN || got == 0) continue;
      if (got < 0) throw lost(static_cast<int>(got));
      keep(*kept, static_cast<std::size_t>(got));
      moved = true;
    }
    co_return moved;
  }
  /// Repeats what is stuck halfway in sending: libssh2 takes nothing else before that.
  template <class F>
  Async<ssize_t> whole(F attempt, Deadline deadline) {
    for (;;) {
      const ssize_t status = attempt();
      if (status != LIBSSH2_ERROR_EAGAIN || !session_.is_sending()) co_return status;
      auto waiting = session_.wait(deadline);
      co_await waiting;
    }
  }

  ssize_t write_input() {
    if (written_ < input_.size()) {
      const auto sent = libssh2_channel_write_ex(channel_, 0, input_.data() + written_, input_.size() - written_);
      if (sent > 0) written_ += static_cast<std::size_t>(sent);
      if (sent >= 0 || sent == LIBSSH2_ERROR_EAGAIN) return sent;
      written_ = input_.size();  // the command reads no more
    }
    const int status = libssh2_channel_send_eof(channel_);
    input_ended_ = status != LIBSSH2_ERROR_EAGAIN;
    return input_ended_ ? 1 : status;
  }
  ssize_t read_piece(int stream) { return libssh2_channel_read_ex(channel_, stream, piece_.data(), piece_.size()); }

  void keep(std::string& kept, std::size_t got) {
    end_.read += static_cast<std::int64_t>(got);
    const auto room = limits_.kept - std::min(limits_.kept, end_.output.size() + end_.errors.size());
    kept.append(piece_.data(), std::min(room, got));
    end_.truncated = end_.truncated || room < got;
  }

  void conclude() {
    char* signal = nullptr;
    std::size_t length = 0;
    libssh2_channel_get_exit_signal(channel_, &signal, &length, nullptr, nullptr, nullptr, nullptr);
    if (signal) {
      end_.outcome = Outcome::signalled;
      end_.exit_signal.emplace(signal, length);
      libssh2_free(session_.raw(), signal);
    } else {
      end_.outcome = Outcome::exited;
      end_.exit_code = libssh2_channel_get_exit_status(channel_);
    }
  }

  atrium::Problem lost(int status) const {
    return trouble(502, "connection_lost", "The connection broke while the command ran",
                   session_.last_error() + " (" + std::to_string(status) +
                       "); whether the command goes on over there is not known.");
  }

  Session& session_;
  LIBSSH2_CHANNEL* channel_;
  const std::string input_;
  const CommandLimits limits_;
  CommandEnd end_;
  std::array<char, 32'768> piece_;
  Deadline next_sign_{limits_.alive.every};
  std::size_t written_ = 0;
  bool input_ended_ = false;
};

/// Ends what runs over there, as far as a server allows a second command: a few milliseconds, or the timeout.
Async<void> stop_command(Session& session) {
  session.never_mind_stop();
  const Deadline deadline(stop_timeout);
  try {
    auto opening = Channel::open(session, deadline);
    const Channel channel = co_await opening;
    auto starting = channel.start(session, std::string(reaper), deadline);
    co_await starting;
    std::array<char, 16> said;
    auto hearing =
        session.drive([&] { return libssh2_channel_read_ex(channel.raw(), 0, said.data(), said.size()); }, deadline);
    co_await hearing;
  } catch (const atrium::Problem&) {  // its streams are closed all the same
  }
}

}  // namespace

Async<CommandEnd> run_command(Session& session, std::string command, std::string input, CommandLimits limits) {
  const Deadline starting_by(start_timeout);
  auto opening = Channel::open(session, starting_by);
  const Channel channel = co_await opening;
  auto starting = channel.start(session, std::move(command), starting_by);
  co_await starting;
  Conversation conversation(session, channel, std::move(input), limits);
  auto running = conversation.run();
  CommandEnd end = co_await running;
  if (end.outcome == Outcome::timed_out || end.outcome == Outcome::cancelled || end.outcome == Outcome::output_limit) {
    auto stopping = stop_command(session);
    co_await stopping;
  }
  co_return std::move(end);
}

}  // namespace ssh
