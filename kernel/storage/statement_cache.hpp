#pragma once
// The prepared statements that one session keeps, the least recently used leaving first.
#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

namespace kernel::storage {

/// By owner and SQL: the check of an owner's tables happens when its statement is prepared, so owners share none.
template <class Statement>
class StatementCache {
 public:
  explicit StatementCache(std::size_t capacity) : capacity_(capacity) {}

  std::shared_ptr<Statement> find(std::string_view owner, std::string_view sql) {
    const auto found = index_.find(Key{owner, sql});
    if (found == index_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found->second);
    return found->second->statement;
  }

  void insert(std::string_view owner, std::string_view sql, std::shared_ptr<Statement> statement) {
    entries_.push_front({std::string(owner), std::string(sql), std::move(statement)});
    index_[Key{entries_.front().owner, entries_.front().sql}] = entries_.begin();
    if (entries_.size() <= capacity_) return;
    index_.erase(Key{entries_.back().owner, entries_.back().sql});
    entries_.pop_back();
  }

  void clear() {
    index_.clear();
    entries_.clear();
  }

 private:
  struct Entry {
    std::string owner, sql;
    std::shared_ptr<Statement> statement;
  };
  struct Key {
    std::string_view owner, sql;
    bool operator==(const Key&) const = default;
  };
  struct Hash {
    std::size_t operator()(const Key& key) const {
      return std::hash<std::string_view>()(key.sql) * 31 + std::hash<std::string_view>()(key.owner);
    }
  };

  std::size_t capacity_;
  std::list<Entry> entries_;
  std::unordered_map<Key, typename std::list<Entry>::iterator, Hash> index_;
};

}  // namespace kernel::storage
