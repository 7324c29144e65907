#include "routing/rate_limit.hpp"

#include "routing/address.hpp"

#include <sodium.h>

#include <algorithm>
#include <cstring>

namespace kernel::routing {

namespace {

std::int64_t nanoseconds(std::chrono::seconds time) { return std::chrono::nanoseconds(time).count(); }

std::chrono::seconds rounded_up(std::int64_t nanoseconds) {
  return std::chrono::ceil<std::chrono::seconds>(std::chrono::nanoseconds(nanoseconds));
}

}  // namespace

RateLimit::RateLimit(std::string name, std::int64_t quota, std::chrono::seconds window)
    : name_(std::move(name)),
      quota_(quota),
      window_(nanoseconds(window)),
      secret_{},
      buckets_(static_cast<Bucket*>(std::calloc(sets * ways, sizeof(Bucket)))) {
  static_assert(crypto_shorthash_KEYBYTES == 16);
  randombytes_buf(secret_.data(), secret_.size());
  if (!buckets_) throw std::bad_alloc();
}

// Under the set's lock.
RateLimit::Bucket& RateLimit::bucket(std::uint64_t key) {
  auto* const first = &buckets_[key % sets * ways];
  auto* const last = first + ways;
  auto* const found = std::find_if(first, last, [&](const Bucket& entry) { return entry.key == key; });
  if (found != last) return *found;
  auto& oldest = *std::min_element(first, last, [](const auto& a, const auto& b) { return a.full_at < b.full_at; });
  oldest = {.key = key, .full_at = 0};
  return oldest;
}

RateLimit::Verdict RateLimit::take(std::string_view key, Clock::time_point now) {
  const std::int64_t quota = quota_;
  if (quota <= 0) return {};
  const auto interval = std::max<std::int64_t>(window_ / quota, 1);
  std::uint64_t hash = 0;
  static_assert(crypto_shorthash_BYTES == sizeof hash);
  crypto_shorthash(reinterpret_cast<unsigned char*>(&hash), reinterpret_cast<const unsigned char*>(key.data()),
                   key.size(), secret_.data());
  const std::int64_t time = now.time_since_epoch().count();
  const std::scoped_lock lock(locks_[hash % shards]);
  auto& entry = bucket(hash);
  const std::int64_t full_at = std::max(entry.full_at, time) + interval;
  const std::int64_t used = full_at - time;
  if (used > window_) return {.allowed = false, .remaining = 0, .reset = rounded_up(used - window_)};
  entry.full_at = full_at;
  return {.allowed = true, .remaining = (window_ - used) / interval, .reset = rounded_up(used)};
}

std::string RateLimit::policy() const {
  const auto window = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::nanoseconds(window_));
  return '"' + name_ + "\";q=" + std::to_string(quota_) + ";w=" + std::to_string(window.count());
}

std::string RateLimit::state(const Verdict& verdict) const {
  return '"' + name_ + "\";r=" + std::to_string(verdict.remaining) + ";t=" + std::to_string(verdict.reset.count());
}

std::string rate_limit_key(std::string_view address) {
  const auto bytes = parse_address(address);
  if (!bytes || is_ipv4(*bytes)) return std::string(address);
  auto network = *bytes;
  std::fill(network.begin() + 8, network.end(), 0);
  return format_address(network) + "/64";
}

}  // namespace kernel::routing
