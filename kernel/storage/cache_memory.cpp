#include "storage/cache.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <functional>
#include <limits>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>

namespace kernel::storage {
namespace {

using Time = std::chrono::steady_clock::time_point;
constexpr std::size_t entry_overhead = 160;  // what the list and the index take beside the bytes

/// A part of the cache under a lock of its own.
class Shard {
 public:
  struct Entry {
    std::string key, value;
    Time expires;
  };

  std::mutex mutex;

  /// Marks it as used; one that has expired is removed.
  Entry* find(std::string_view key, Time now) {
    const auto found = index_.find(key);
    if (found == index_.end()) return nullptr;
    if (found->second->expires <= now) {
      erase(found->second);
      return nullptr;
    }
    entries_.splice(entries_.begin(), entries_, found->second);
    return &entries_.front();
  }

  void put(std::string_view key, std::string value, Time expires, std::size_t max_bytes) {
    remove(key);
    const auto size = key.size() + value.size() + entry_overhead;
    if (size > max_bytes) return;
    entries_.push_front({std::string(key), std::move(value), expires});
    index_.emplace(entries_.front().key, entries_.begin());
    bytes_ += size;
    while (bytes_ > max_bytes) erase(std::prev(entries_.end()));
  }

  void remove(std::string_view key) {
    if (const auto found = index_.find(key); found != index_.end()) erase(found->second);
  }

 private:
  void erase(std::list<Entry>::iterator entry) {
    bytes_ -= entry->key.size() + entry->value.size() + entry_overhead;
    index_.erase(entry->key);
    entries_.erase(entry);
  }

  std::list<Entry> entries_;
  std::unordered_map<std::string_view, std::list<Entry>::iterator> index_;
  std::size_t bytes_ = 0;
};

class MemoryCache final : public Cache {
 public:
  MemoryCache(std::size_t max_bytes, std::function<Time()> now)
      : shard_bytes_(max_bytes / shards), now_(std::move(now)) {}

  std::optional<std::string> get(std::string_view key) override {
    auto& shard = shard_of(key);
    const std::lock_guard lock(shard.mutex);
    const auto* entry = shard.find(key, now_());
    return entry == nullptr ? std::nullopt : std::optional(entry->value);
  }

  void put(std::string_view key, std::string value, std::chrono::milliseconds ttl) override {
    auto& shard = shard_of(key);
    const std::lock_guard lock(shard.mutex);
    shard.put(key, std::move(value), expiry(ttl), shard_bytes_);
  }

  bool add(std::string_view key, std::string value, std::chrono::milliseconds ttl) override {
    auto& shard = shard_of(key);
    const std::lock_guard lock(shard.mutex);
    if (shard.find(key, now_()) != nullptr) return false;
    shard.put(key, std::move(value), expiry(ttl), shard_bytes_);
    return true;
  }

  std::int64_t increment(std::string_view key, std::int64_t by, std::chrono::milliseconds ttl) override {
    auto& shard = shard_of(key);
    const std::lock_guard lock(shard.mutex);
    const auto* entry = shard.find(key, now_());
    std::int64_t value = 0;
    if (entry != nullptr) std::from_chars(entry->value.data(), entry->value.data() + entry->value.size(), value);
    const auto expires = entry != nullptr ? entry->expires : expiry(ttl);
    if (__builtin_add_overflow(value, by, &value))
      value = by > 0 ? std::numeric_limits<std::int64_t>::max() : std::numeric_limits<std::int64_t>::min();
    shard.put(key, std::to_string(value), expires, shard_bytes_);
    return value;
  }

  void remove(std::string_view key) override {
    auto& shard = shard_of(key);
    const std::lock_guard lock(shard.mutex);
    shard.remove(key);
  }

 private:
  static constexpr std::size_t shards = 8;

  Shard& shard_of(std::string_view key) { return shards_[std::hash<std::string_view>()(key) % shards]; }
  Time expiry(std::chrono::milliseconds ttl) const { return now_() + ttl; }

  std::size_t shard_bytes_;
  std::function<Time()> now_;
  std::array<Shard, shards> shards_;
};

}  // namespace

std::unique_ptr<Cache> make_memory_cache(std::size_t max_bytes, std::function<Time()> now) {
  return std::make_unique<MemoryCache>(max_bytes, std::move(now));
}

}  // namespace kernel::storage
