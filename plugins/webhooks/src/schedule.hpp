#pragma once
// When a failed delivery is tried again.
#include <atrium/types.hpp>

#include <chrono>
#include <optional>
#include <string_view>
#include <vector>

namespace webhooks {

/// The times between the attempts; when they are used up, the delivery has failed.
class Schedule {
 public:
  explicit Schedule(std::vector<std::int64_t> seconds) : seconds_(std::move(seconds)) {}

  /// The pause after this many tries, +-20 %, longer where the endpoint asks for it; nullopt: no more tries.
  std::optional<std::chrono::microseconds> pause(std::int64_t tries,
                                                 std::optional<std::chrono::seconds> retry_after) const;

 private:
  std::vector<std::int64_t> seconds_;
};

/// Retry-After as seconds from now: a number or an HTTP date; nullopt when it is neither or in the past.
std::optional<std::chrono::seconds> retry_after(std::string_view header, atrium::Time now);

}  // namespace webhooks
