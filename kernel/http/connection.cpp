#include "http/connection.hpp"

#include <array>
#include <chrono>
#include <utility>

namespace kernel::http {
namespace {

constexpr int max_reads_a_turn = 4;  // then the others get theirs
constexpr int max_vectors = 256;
constexpr std::size_t kept_capacity = 64 * 1024;
constexpr std::chrono::seconds linger_time{3};

}  // namespace

Connection::Connection(Loop& loop, Socket socket, std::string peer)
    : loop_(loop), socket_(std::move(socket)), peer_(std::move(peer)), progress_(loop.now()) {}

void Connection::begin(std::shared_ptr<Protocol> protocol) { protocol_ = std::move(protocol); }

void Connection::on_event(bool readable, bool writable) {
  if (closed_) return;
  if (!readable && !writable) return abort();  // an error or a hang-up while nothing was asked for
  handling_ = true;
  if (writable) {
    blocked_ = false;
    readable |= std::exchange(read_wants_write_, false);
  }
  if (readable) read();
  finish_turn();
}

void Connection::on_tick(Clock::time_point now) {
  if (closed_) return;
  if (!out_.empty() && now - progress_ >= loop_.server().options.write_stall_timeout) {
    ++loop_.server().counters.slow_dropped;
    return abort();
  }
  if (lingering_) {
    if (now >= linger_until_) abort();
    return;
  }
  handling_ = true;
  if (!closing_) protocol_->on_tick(now);
  finish_turn();
}

void Connection::drain() {
  if (closing()) return;
  handling_ = true;
  protocol_->on_drain();
  finish_turn();
}

void Connection::settle() {
  if (handling_ || closed_) return;
  handling_ = true;
  try {
    finish_turn();
  } catch (...) {
    abort();
    throw;
  }
}

void Connection::finish_turn() {
  for (bool was_congested = true; was_congested && !closed_;) {
    if (!closing_) handle_waiting();
    if (closed_) break;
    was_congested = congested();
    flush();
    was_congested = was_congested && !closing_ && !congested();  // input held back for that reason goes on now
  }
  handling_ = false;
  if (closing_ && out_.empty() && !lingering_ && !closed_) begin_linger();
  if (closed_) return;
  update_interest();
  // What the flush itself brought forth waits a turn, so that one client that reads fast does not hold up the others.
  const bool more_to_send = !out_.empty() && !blocked_;
  const bool more_to_read = polls_read_ && socket_.has_buffered();
  if (more_to_send || more_to_read) {
    loop_.box()->post([self = shared_from_this(), more_to_read] {
      if (more_to_read) return self->on_event(true, false);
      self->settle();
    });
  }
}

void Connection::read() {
  const auto scratch = loop_.scratch();
  for (int reads = 0; reads < max_reads_a_turn && !closed_ && !input_ended_; ++reads) {
    const auto result = socket_.read(scratch.data(), scratch.size());
    switch (result.status) {
      case IoResult::Status::ok:
        take({scratch.data(), result.bytes});
        break;
      case IoResult::Status::would_block:
        return;
      case IoResult::Status::wants_write:
        read_wants_write_ = true;
        return;
      case IoResult::Status::ended:
        input_ended_ = true;
        if (lingering_) abort();
        return;
      case IoResult::Status::failed:
        return abort();
    }
    // A short read has emptied the socket: the next poll tells of more. Only TLS may hold some where no poll sees it.
    if (result.bytes < scratch.size() && !socket_.is_tls()) return;
    if (!lingering_ && !closing_ && !closed_ && !protocol_->wants_more(unused_.size())) return;
  }
}

void Connection::take(std::string_view data) {
  if (closing_ || closed_) return;  // lingering: the answer has been given, the rest is dropped
  if (!unused_.empty()) {
    unused_.append(data);
    return handle_waiting();
  }
  const auto used = feed(data);
  if (used < data.size() && !closed_) unused_.assign(data.substr(used));
}

std::size_t Connection::feed(std::string_view data) {
  std::size_t used = protocol_->on_data(data);
  if (next_protocol_ && !closed_) {
    protocol_ = std::move(next_protocol_);
    used += protocol_->on_data(data.substr(used));
  }
  return used;
}

void Connection::handle_waiting() {
  if (!unused_.empty()) {
    const auto used = feed(unused_);
    if (closed_) return;
    unused_.erase(0, used);
    if (unused_.empty() && unused_.capacity() > kept_capacity) unused_.shrink_to_fit();
  }
  if (input_ended_ && !closing_) protocol_->on_end_of_input();
}

void Connection::flush() {
  std::array<iovec, max_vectors> vectors;
  const bool had_output = !out_.empty();
  if (!blocked_) progress_ = loop_.now();
  while (!out_.empty() && !blocked_) {
    const int count = out_.gather(vectors.data(), max_vectors);
    const auto result = socket_.write(vectors.data(), count);
    if (result.status == IoResult::Status::ok) {
      out_.consume(result.bytes);
      progress_ = loop_.now();
    } else if (result.status == IoResult::Status::failed) {
      return abort();
    } else {
      blocked_ = true;
    }
  }
  if (had_output && !closing_) protocol_->on_flushed(out_.size());
}

void Connection::close_gently() { closing_ = true; }

void Connection::begin_linger() {
  if (input_ended_) return abort();
  socket_.shutdown_write();
  lingering_ = true;
  linger_until_ = loop_.now() + linger_time;
  unused_.clear();
}

void Connection::abort() {
  if (closed_) return;
  closed_ = closing_ = true;
  protocol_->on_closed();
  loop_.remove(*this);
}

void Connection::update_interest() {
  const bool read = !input_ended_ && (closing_ || (!congested() && protocol_->wants_more(unused_.size())));
  const bool write = blocked_ || read_wants_write_;
  if (read == polls_read_ && write == polls_write_) return;
  polls_read_ = read;
  polls_write_ = write;
  loop_.set_interest(descriptor(), read, write);
}

}  // namespace kernel::http
