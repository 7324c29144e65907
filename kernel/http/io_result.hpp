#pragma once
#include <cstddef>

namespace kernel::http {

/// What a non-blocking read or write came to.
struct IoResult {
  enum class Status : unsigned char {
    ok,           ///< `bytes` were moved
    would_block,  ///< nothing to read, or no room to write
    wants_write,  ///< a TLS read that must first write
    ended,        ///< the other side has finished sending
    failed
  };
  Status status = Status::failed;
  std::size_t bytes = 0;
};

}  // namespace kernel::http
