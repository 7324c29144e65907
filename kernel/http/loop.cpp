#include "http/loop.hpp"

#include <array>
#include <ctime>

namespace kernel::http {
namespace {

constexpr std::size_t scratch_size = 64 * 1024;

}  // namespace

void ServerState::connection_closed() {
  if (--counters.open > 0 || !draining) return;
  const std::lock_guard lock(mutex_);
  closed_.notify_all();
}

bool ServerState::wait_until_closed(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  return closed_.wait_for(lock, patience, [this] { return counters.open == 0; });
}

Loop::Loop(std::shared_ptr<ServerState> server) : server_(std::move(server)), scratch_(scratch_size, '\0') {}

std::string_view Loop::date() {
  if (now_ >= date_until_) {
    const auto seconds = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    std::array<char, 40> text{};
    const auto length = std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    date_.assign(text.data(), length);
    date_until_ = now_ + std::chrono::seconds(1);
  }
  return date_;
}

}  // namespace kernel::http
