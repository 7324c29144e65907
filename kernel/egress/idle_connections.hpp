#pragma once
// Connections that wait for their next exchange: few, and not for long.
#include "egress/connection.hpp"

#include <chrono>
#include <list>
#include <memory>
#include <string>

namespace kernel::egress {

/// On the client's I/O thread only.
class IdleConnections {
 public:
  /// The one used last; null: none that still lives.
  std::unique_ptr<Connection> take(const std::string& key);
  void put(std::unique_ptr<Connection> connection);
  void close_old();
  void clear() { idle_.clear(); }

 private:
  struct Entry {
    std::unique_ptr<Connection> connection;
    std::chrono::steady_clock::time_point since;
  };
  std::list<Entry> idle_;  // the oldest first
};

}  // namespace kernel::egress
