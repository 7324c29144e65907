#pragma once
// The full-text index in SQL. A change adds or removes one row in its own transaction; merge() later moves such rows
// into the postings. Whoever searches reads both, in one statement, so that nothing is ever missing or found twice.
#include "entry.hpp"
#include "postings.hpp"

namespace knowledge {

struct Filter {
  std::optional<std::string> category, tag;
  Terms terms() const;
};

class Index {
 public:
  explicit Index(const atrium::Store& store) : store_(&store) {}

  /// Gives the entry a new number under which it is found from the commit on.
  void add(atrium::Transaction& tx, Entry& entry) const;
  /// The entry, as it was, is found no more from the commit on.
  void remove(atrium::Transaction& tx, const Entry& entry) const;

  /// In no order. every: entries with all wanted words, else with any.
  std::vector<Match> find(const Query& query, const Filter& filter, bool every) const;

  /// Moves a bounded part of what waits; false: nothing waited.
  bool merge() const;
  /// How many additions and removals are not merged yet.
  std::int64_t waiting() const;

 private:
  struct Taken {
    std::vector<std::int64_t> numbers;
    std::int64_t words = 0;
  };
  template <class F>
  Taken read_waiting(atrium::Transaction& tx, std::string sql, std::int64_t most, F take_term) const;
  std::int64_t add_pending(atrium::Transaction& tx, const Forward& forward) const;
  void lock(atrium::Transaction& tx) const;
  std::int64_t take_in(atrium::Transaction& tx) const;
  std::int64_t throw_out(atrium::Transaction& tx) const;
  std::string_view for_update() const { return store_->is_postgresql() ? " FOR UPDATE SKIP LOCKED" : ""; }

  const atrium::Store* store_;
};

/// "?, ?, ?" for as many values as there are, rounded up so that there are few different statements; bind(i) binds
/// the value of that index.
template <class F>
std::string placeholders(std::size_t count, F&& bind) {
  std::size_t room = 1;
  while (room < count) room *= 2;
  std::string marks;
  for (std::size_t i = 0; i < room; ++i) {
    marks += i ? ", ?" : "?";
    bind(std::min(i, count - 1));
  }
  return marks;
}
inline std::string placeholders(atrium::Parameters& parameters, const std::vector<std::int64_t>& numbers) {
  return placeholders(numbers.size(), [&](std::size_t i) { parameters.integer(numbers[i]); });
}

}  // namespace knowledge
