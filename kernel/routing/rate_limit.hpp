#pragma once
// Requests a minute, for each address and each principal: GCRA (a token bucket in one number) in fixed memory.
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace kernel::routing {

class RateLimit {
 public:
  using Clock = std::chrono::steady_clock;
  /// name: as the RateLimit headers show it. quota: requests a window, also the largest burst; 0 switches it off.
  RateLimit(std::string name, std::int64_t quota, std::chrono::seconds window);

  struct Verdict {
    bool allowed = true;
    std::int64_t remaining = 0;     ///< requests that would be allowed right now
    std::chrono::seconds reset{0};  ///< until the whole quota is there again; when refused, until the next is allowed
  };
  /// Takes effect with the next request; what each key has used still counts. Thread-safe.
  void set_quota(std::int64_t quota) { quota_ = quota; }
  /// Counts one request. Thread-safe; a short lock on one of many shards. Memory is bounded: of the keys that share a
  /// set the one closest to its full quota is forgotten.
  Verdict take(std::string_view key, Clock::time_point now = Clock::now());

  bool active() const { return quota_ > 0; }
  /// `"address";q=600;w=60`
  std::string policy() const;
  /// `"address";r=599;t=1`
  std::string state(const Verdict& verdict) const;

 private:
  struct Bucket {
    std::uint64_t key = 0;
    std::int64_t full_at = 0;  ///< nanoseconds of the clock at which the whole quota is there again
  };
  static constexpr std::size_t ways = 8, sets = 8'192, shards = 64;

  Bucket& bucket(std::uint64_t key);

  const std::string name_;
  std::atomic<std::int64_t> quota_;
  const std::int64_t window_;             ///< nanoseconds
  std::array<unsigned char, 16> secret_;  ///< so that nobody can choose keys that collide
  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };
  std::unique_ptr<Bucket[], Free> buckets_;  ///< zeroed pages, which cost no memory before they are used
  std::array<std::mutex, shards> locks_;
};

/// What an address is limited as: itself, or for IPv6 its /64, which one host has for itself.
std::string rate_limit_key(std::string_view address);

}  // namespace kernel::routing
