#pragma once
#include "http/loop.hpp"

#include <cstddef>
#include <string_view>

namespace kernel::http {

/// What a connection speaks: HTTP/1, and after an upgrade WebSocket. Called on the I/O thread, never nested.
class Protocol {
 public:
  virtual ~Protocol() = default;
  /// Returns how many bytes it has used up; the rest comes again with more behind it.
  virtual std::size_t on_data(std::string_view data) = 0;
  /// False stops reading from the socket; `unused` bytes wait that on_data() did not take.
  virtual bool wants_more(std::size_t unused) const = 0;
  /// The other side will send nothing more (it may still read). Called again after every change from then on.
  virtual void on_end_of_input() = 0;
  /// Some of what waited went out; `waiting` bytes are left.
  virtual void on_flushed(std::size_t waiting) = 0;
  virtual void on_tick(Clock::time_point now) = 0;
  /// The server shuts down: finish, and begin nothing new.
  virtual void on_drain() = 0;
  /// The connection is gone. Nothing is called after this.
  virtual void on_closed() = 0;
};

}  // namespace kernel::http
