#pragma once
// What the database knows, kept in memory for the hot path.
#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace kernel::auth {

/// A bounded map in shards, read by many. drop() holds: a value that was being read from the database while its key
/// was dropped is not kept, so that what has ended cannot come back. Every function: [any thread]. A shard's lock is
/// held for a look into memory only, never while reading the database.
template <class Value>
class LookasideCache {
 public:
  using Pointer = std::shared_ptr<Value>;

  /// At the bound, keeping a new value forgets another one, which is then read again when it is needed.
  explicit LookasideCache(std::size_t capacity) : shard_capacity_(capacity / shard_count + 1) {}

  Pointer find(std::string_view key) const {
    const Shard& shard = shard_of(key);
    std::shared_lock lock(shard.mutex);
    const auto found = shard.values.find(key);
    return found == shard.values.end() ? nullptr : found->second;
  }

  /// The value kept, else what `read` (a function giving a Pointer, null when there is none) finds in the database.
  template <class Read>
  Pointer find_or_read(std::string_view key, Read read) {
    if (Pointer kept = find(key)) return kept;
    Shard& shard = shard_of(key);
    const std::uint64_t drops_before = drops_of(shard);
    Pointer value = read();
    if (!value) return nullptr;
    std::unique_lock lock(shard.mutex);
    if (shard.drops != drops_before) return value;  // true when it was read; the next request reads again
    if (shard.values.size() >= shard_capacity_) shard.values.erase(shard.values.begin());
    return shard.values.try_emplace(std::string(key), std::move(value)).first->second;
  }

  void drop(std::string_view key) {
    Shard& shard = shard_of(key);
    std::unique_lock lock(shard.mutex);
    ++shard.drops;
    if (const auto found = shard.values.find(key); found != shard.values.end()) shard.values.erase(found);
  }

  template <class Predicate>
  void drop_if(Predicate predicate) {
    for (Shard& shard : shards_) {
      std::unique_lock lock(shard.mutex);
      ++shard.drops;
      std::erase_if(shard.values, [&](const auto& entry) { return predicate(*entry.second); });
    }
  }

  template <class Visit>
  void for_each(Visit visit) const {
    for (const Shard& shard : shards_) {
      std::shared_lock lock(shard.mutex);
      for (const auto& [key, value] : shard.values) visit(*value);
    }
  }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  struct Shard {
    mutable std::shared_mutex mutex;
    std::unordered_map<std::string, Pointer, Hash, std::equal_to<>> values;
    std::uint64_t drops = 0;
  };
  static constexpr std::size_t shard_count = 64;

  Shard& shard_of(std::string_view key) { return shards_[Hash{}(key) % shard_count]; }
  const Shard& shard_of(std::string_view key) const { return shards_[Hash{}(key) % shard_count]; }
  static std::uint64_t drops_of(const Shard& shard) {
    std::shared_lock lock(shard.mutex);
    return shard.drops;
  }

  std::size_t shard_capacity_;
  std::array<Shard, shard_count> shards_;
};

}  // namespace kernel::auth
