#pragma once
// A long text cut into passages that overlap, and the places where a query's words occur in it.
#include "query.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>

namespace knowledge {

/// Bytes of the content, from begins to ends.
struct Passage {
  std::size_t begins = 0, ends = 0;
};

/// About so many bytes each; the next begins a little before the one before it ends.
inline constexpr std::size_t passage_size = 1000, passage_overlap = 150;
/// Ends at a paragraph, else a line, a sentence, a word; always between two characters.
std::vector<Passage> passages_of(std::string_view content);

/// Where a query's words occur.
struct Hit {
  std::size_t begin, end;
  std::size_t term;  ///< which of the query's
};
/// How much of an entry is looked at to show where its words are, in bytes.
inline constexpr std::size_t most_shown = 256 * 1024;
std::vector<Hit> hits_in(std::string_view text, const Terms& terms);

/// The passage with the most of the query's words; the first one where none has any.
std::size_t best_passage(const std::vector<Passage>& passages, const std::vector<Hit>& hits);

inline constexpr std::size_t excerpt_size = 240;
/// The beginning of a text, on one line.
std::string excerpt_of(std::string_view content);
/// [{"text": "... a ", "match": false}, {"text": "word", "match": true}]: the stretch of the text that has the most of
/// the words. Pieces of text and no markup: nothing in them can be taken for HTML.
nlohmann::json highlight(std::string_view text, const std::vector<Hit>& hits);

}  // namespace knowledge
