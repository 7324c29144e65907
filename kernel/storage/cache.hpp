#pragma once
// Values that may be forgotten at any time. Never the only copy of anything.
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace kernel::storage {

/// All of it from any thread. A value larger than an eighth of the bound is not kept.
class Cache {
 public:
  virtual ~Cache() = default;
  virtual std::optional<std::string> get(std::string_view key) = 0;
  virtual void put(std::string_view key, std::string value, std::chrono::milliseconds ttl) = 0;
  /// False, and no change, when the key is there.
  virtual bool add(std::string_view key, std::string value, std::chrono::milliseconds ttl) = 0;
  /// The value after it; one that is not there, or is no number, counts as 0 and begins its ttl here.
  virtual std::int64_t increment(std::string_view key, std::int64_t by, std::chrono::milliseconds ttl) = 0;
  virtual void remove(std::string_view key) = 0;
};

/// In this process, bounded in bytes; the least recently used leaves first.
std::unique_ptr<Cache> make_memory_cache(
    std::size_t max_bytes,
    std::function<std::chrono::steady_clock::time_point()> now = &std::chrono::steady_clock::now);

}  // namespace kernel::storage
