#pragma once
// The index's own format, and BM25 over it: no database, no I/O.
//
// An entry has a number. 4096 numbers make a block. For each term and block the postings are one text of eight
// characters an entry: its place in the block (2), how often the term occurs (1), the entry's length in words (3), and
// what decides between equal scores (2). A character is a digit of base 64, '0' + value, so that it is text to every
// database, needs no decoding, and a posting is added by appending.
#include "query.hpp"

#include <cstdint>
#include <optional>

namespace knowledge {

inline constexpr std::int64_t block_size = 4096;
inline constexpr std::size_t posting_size = 8, code_size = 6;

/// An entry as its terms: "\nTERM CODE\nTERM CODE\n", CODE being a posting without its place.
struct Forward {
  std::int64_t length = 0;  ///< words
  std::string terms;
};
/// A word in the title counts as often as three in the content.
Forward forward_of(std::string_view title, std::string_view content, const std::optional<std::string>& category,
                   const std::vector<std::string>& tags);
/// What entries of a category or with a tag have for a term; no word is like it.
std::string category_term(std::string_view category);
std::string tag_term(std::string_view tag);
/// What entries have for two words, one right after the other: one of 4096 terms, so that pairs, most of which are
/// rare, make few and short postings. It rules out nearly all entries without the pair; what is left is checked on its
/// text.
std::string pair_term(std::string_view first, std::string_view second);

/// A term's posting for an entry of this number.
std::string posting(std::int64_t number, std::string_view code);
/// Calls visit(term, code) for each.
template <class F>
void for_each_term(std::string_view terms, F&& visit) {
  std::size_t at = 1;
  while (at < terms.size()) {
    const auto end = terms.find('\n', at);
    const auto line = terms.substr(at, end - at);
    const auto space = line.rfind(' ');
    visit(line.substr(0, space), line.substr(space + 1));
    at = end + 1;
  }
}
/// Postings without those of these places (the number's place in its block).
std::string without(std::string_view data, const std::vector<std::int64_t>& places);

struct Match {
  std::int64_t number = 0;
  float score = 0;
  std::uint16_t tie = 0;
  bool has_pairs = false;  ///< all pairs of the query's phrases
  /// Best first. The tie comes from the text itself, so that the order does not depend on who was stored first.
  friend bool operator<(const Match& a, const Match& b) {
    if (a.score != b.score) return a.score > b.score;
    return a.tie != b.tie ? a.tie < b.tie : a.number > b.number;
  }
};

/// Takes what the index holds of a query's terms, in any order, and ranks the entries.
class Ranking {
 public:
  /// Of a query's phrases; all terms together fit into 64 bits.
  static constexpr std::size_t most_pairs = 12;

  /// every: an entry needs all wanted words, else one of them. filters: terms that it must have and that do not count.
  Ranking(const Query& query, const Terms& filters, bool every);

  /// All terms that must be asked for.
  const Terms& terms() const { return terms_; }
  void add_postings(std::string_view term, std::int64_t block, std::string_view data);
  void add_pending(std::int64_t number, std::int64_t length, std::string_view terms);
  void add_removed(std::int64_t number, std::int64_t length);
  void add_totals(std::int64_t entries, std::int64_t words);
  /// Entries below this number may lack their pairs.
  void set_pairs_from(std::int64_t number) { pairs_from_ = number; }
  /// In no order.
  std::vector<Match> matches();

 private:
  struct Slice {
    std::int64_t block;
    std::size_t term;
    std::string data;
  };
  std::vector<float> weights(float& average) const;
  std::uint64_t required_of(std::int64_t number) const {
    return number >= pairs_from_ ? required_ | pairs_ : required_;
  }

  Terms terms_;
  std::size_t wanted_ = 0;
  std::uint64_t any_ = 0, required_ = 0, excluded_ = 0, pairs_ = 0;
  bool all_pairs_ = false;
  std::int64_t pairs_from_ = 0;
  std::vector<Slice> slices_;
  std::vector<std::int64_t> frequency_, removed_;
  std::int64_t entries_ = 0, words_ = 0;
};

}  // namespace knowledge
