#include "egress/idle_connections.hpp"

namespace kernel::egress {
namespace {

constexpr std::size_t max_idle = 64;
constexpr std::chrono::seconds max_age{30};

}  // namespace

std::unique_ptr<Connection> IdleConnections::take(const std::string& key) {
  close_old();
  for (auto entry = idle_.end(); entry != idle_.begin();) {
    --entry;
    if (entry->connection->reuse_key != key) continue;
    auto connection = std::move(entry->connection);
    entry = idle_.erase(entry);
    if (connection->still_idle()) return connection;
  }
  return nullptr;
}

void IdleConnections::put(std::unique_ptr<Connection> connection) {
  if (idle_.size() >= max_idle) idle_.pop_front();
  idle_.push_back({std::move(connection), std::chrono::steady_clock::now()});
}

void IdleConnections::close_old() {
  const auto oldest = std::chrono::steady_clock::now() - max_age;
  while (!idle_.empty() && idle_.front().since < oldest) idle_.pop_front();
}

}  // namespace kernel::egress
