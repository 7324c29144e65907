#pragma once
// What somebody looks for: words that must all occur, "phrases", and -words or -"phrases" that must not.
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace knowledge {

using Terms = std::vector<std::string>;

struct Query {
  Terms wanted;                  ///< each once; a phrase's words are among them
  Terms excluded;                ///< none of these
  std::vector<Terms> phrases;    ///< each in this order, one right after the other
  std::vector<Terms> forbidden;  ///< phrases that must not occur
  /// Says more than words do: meaning alone could not answer it.
  bool is_exact() const { return !excluded.empty() || !phrases.empty() || !forbidden.empty(); }

  static constexpr std::size_t most_wanted = 32, most_excluded = 16, most_phrases = 8;
};

/// Any text is a query; beyond the most that are looked for, the rest is passed over.
Query parse_query(std::string_view text);

/// Looks for phrases in one text after the other; one thread at a time.
class PhraseFinder {
 public:
  PhraseFinder();
  ~PhraseFinder();
  /// Do these words stand in the text in this order, with nothing between them that is looked for?
  bool contains(std::string_view text, const Terms& phrase);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace knowledge
