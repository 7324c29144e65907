#include "query.hpp"

#include "words.hpp"

#include <algorithm>

namespace knowledge {
namespace {

Terms terms_of(std::string_view text) {
  Terms terms;
  Words words(text);
  while (words.next())
    if (const auto term = words.term(); !term.empty()) terms.emplace_back(term);
  return terms;
}

void add_once(Terms& to, const Terms& terms, std::size_t most) {
  for (const auto& term : terms)
    if (to.size() < most && std::find(to.begin(), to.end(), term) == to.end()) to.push_back(term);
}

/// A phrase counts only whole: when its words no longer fit, it is passed over.
void add_phrase(Query& query, Terms phrase, bool excluded) {
  if (phrase.size() < 2) {
    if (excluded)
      add_once(query.excluded, phrase, Query::most_excluded);
    else
      add_once(query.wanted, phrase, Query::most_wanted);
    return;
  }
  auto& phrases = excluded ? query.forbidden : query.phrases;
  if (phrases.size() == Query::most_phrases || phrase.size() > Query::most_wanted) return;
  if (!excluded) {
    Terms with = query.wanted;
    add_once(with, phrase, Query::most_wanted + 1);
    if (with.size() > Query::most_wanted) return;
    query.wanted = std::move(with);
  }
  phrases.push_back(std::move(phrase));
}

}  // namespace

Query parse_query(std::string_view text) {
  Query query;
  std::size_t at = 0;
  while (at < text.size()) {
    if (static_cast<unsigned char>(text[at]) <= ' ') {
      ++at;
      continue;
    }
    const bool excluded = text[at] == '-' && at + 1 < text.size();
    if (excluded) ++at;
    if (text[at] == '"') {
      const auto end = std::min(text.find('"', at + 1), text.size());
      add_phrase(query, terms_of(text.substr(at + 1, end - at - 1)), excluded);
      at = end + 1;
      continue;
    }
    auto end = at;
    while (end < text.size() && static_cast<unsigned char>(text[end]) > ' ' && text[end] != '"') ++end;
    const auto terms = terms_of(text.substr(at, end - at));
    if (excluded)
      add_phrase(query, terms, true);  // -wi-fi: not these two together
    else
      add_once(query.wanted, terms, Query::most_wanted);
    at = std::max(end, at + 1);
  }
  return query;
}

struct PhraseFinder::State {
  struct Word {
    std::size_t begin, end;
    char initial;  ///< 0: unknown
  };
  Words words{{}}, word{{}};
  std::vector<Word> seen;              ///< those of the text so far
  std::vector<std::size_t> candidate;  ///< which of them may be the phrase's, the last first

  Words& read(std::string_view text, std::size_t at) {
    word.restart(text.substr(seen[at].begin, seen[at].end - seen[at].begin));
    word.next();
    return word;
  }
  /// Does the phrase end with the last word seen? Initials first: they rule out nearly every place and spare the
  /// stemming.
  bool ends_here(std::string_view text, const Terms& phrase) {
    candidate.clear();
    for (auto at = seen.size(); candidate.size() < phrase.size();) {
      if (at-- == 0) return false;
      const auto& wanted = phrase[phrase.size() - 1 - candidate.size()];
      const bool may_be = seen[at].initial == 0 || seen[at].initial == wanted.front();
      const bool is_last = at + 1 == seen.size();
      if (is_last && !may_be) return false;
      if (read(text, at).is_too_common()) {
        if (is_last) return false;
        continue;
      }
      if (!may_be) return false;
      candidate.push_back(at);
    }
    for (std::size_t i = 0; i < phrase.size(); ++i)
      if (read(text, candidate[i]).term() != phrase[phrase.size() - 1 - i]) return false;
    return true;
  }
};

PhraseFinder::PhraseFinder() : state_(std::make_unique<State>()) {}
PhraseFinder::~PhraseFinder() = default;

bool PhraseFinder::contains(std::string_view text, const Terms& phrase) {
  auto& [words, word, seen, candidate] = *state_;
  words.restart(text);
  seen.clear();
  while (words.next()) {
    seen.push_back({words.begin(), words.end(), words.first_letter()});
    if (state_->ends_here(text, phrase)) return true;
  }
  return false;
}

}  // namespace knowledge
