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

bool contains_phrase(std::string_view text, const Terms& phrase) {
  Terms window;  // the last words, as many as the phrase has
  Words words(text);
  while (words.next()) {
    const auto term = words.term();
    if (term.empty()) continue;
    if (window.size() == phrase.size()) window.erase(window.begin());
    window.emplace_back(term);
    if (window == phrase) return true;
  }
  return false;
}

}  // namespace knowledge
