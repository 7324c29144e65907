#pragma once
// Opaque handles that a plugin may use once too often: a stale one is recognised and never dereferenced.
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace kernel::abi {

/// Numbers that look like `Handle*` on the outside and lead to a shared T on the inside.
template <class Handle, class T>
class Handles {
 public:
  static Handles& instance() {
    static Handles all;
    return all;
  }
  Handle* put(std::shared_ptr<T> value) {
    const std::uintptr_t key = next_.fetch_add(1, std::memory_order_relaxed);
    Shard& shard = shard_of(key);
    const std::lock_guard lock(shard.mutex);
    shard.entries.emplace(key, std::move(value));
    return reinterpret_cast<Handle*>(key);
  }
  /// Null: stale.
  std::shared_ptr<T> find(const Handle* handle) {
    Shard& shard = shard_of(reinterpret_cast<std::uintptr_t>(handle));
    const std::lock_guard lock(shard.mutex);
    const auto found = shard.entries.find(reinterpret_cast<std::uintptr_t>(handle));
    return found == shard.entries.end() ? nullptr : found->second;
  }
  /// The one caller that gets it makes the handle stale.
  std::shared_ptr<T> take(const Handle* handle) {
    Shard& shard = shard_of(reinterpret_cast<std::uintptr_t>(handle));
    const std::lock_guard lock(shard.mutex);
    const auto found = shard.entries.find(reinterpret_cast<std::uintptr_t>(handle));
    if (found == shard.entries.end()) return nullptr;
    auto value = std::move(found->second);
    shard.entries.erase(found);
    return value;
  }
  /// Every handle whose T has this `host`. Looks at all of them: for the end of a plugin.
  std::vector<Handle*> of(const void* host) {
    std::vector<Handle*> found;
    for (Shard& shard : shards_) {
      const std::lock_guard lock(shard.mutex);
      for (const auto& [key, value] : shard.entries) {
        if (static_cast<const void*>(value->host.get()) == host) found.push_back(reinterpret_cast<Handle*>(key));
      }
    }
    return found;
  }

 private:
  struct alignas(64) Shard {
    std::mutex mutex;
    std::unordered_map<std::uintptr_t, std::shared_ptr<T>> entries;
  };
  Shard& shard_of(std::uintptr_t key) { return shards_[key % shards_.size()]; }
  std::array<Shard, 16> shards_;
  std::atomic<std::uintptr_t> next_{1};
};

}  // namespace kernel::abi
