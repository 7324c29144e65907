#include "passages.hpp"

#include "words.hpp"

#include <algorithm>
#include <array>
#include <bitset>

namespace knowledge {
namespace {

bool continues(std::string_view text, std::size_t at) {
  return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80;
}
/// The place itself, or the next before it, where a character begins.
std::size_t at_character(std::string_view text, std::size_t at) {
  while (at > 0 && continues(text, at)) --at;
  return at;
}
bool is_space(char c) { return static_cast<unsigned char>(c) <= ' '; }

/// The last good place to end a passage in [least, most].
std::size_t break_in(std::string_view text, std::size_t least, std::size_t most) {
  for (const std::string_view mark : {"\n\n", "\n", ". ", "? ", "! ", " "}) {
    const auto at = text.rfind(mark, most - mark.size());
    if (at != text.npos && at + mark.size() > least) return at + mark.size();
  }
  return at_character(text, most);
}

/// The first place from `at` on where a word begins, before `end`.
std::size_t word_begin(std::string_view text, std::size_t at, std::size_t end) {
  auto space = at;
  while (space < end && !is_space(text[space])) ++space;
  while (space < end && is_space(text[space])) ++space;
  return space < end ? space : at_character(text, at);
}

/// Runs of blanks become one.
void append_line(std::string& to, std::string_view text) {
  for (const char c : text) {
    if (!is_space(c))
      to += c;
    else if (!to.empty() && to.back() != ' ')
      to += ' ';
  }
}

/// The hits, one after the other, that fit into an excerpt and name the most different words.
std::pair<std::size_t, std::size_t> best_window(const std::vector<Hit>& hits) {
  std::array<std::size_t, Query::most_wanted> count{};
  std::size_t different = 0, best_different = 0, best_count = 0, first = 0;
  std::pair<std::size_t, std::size_t> best{0, 0};
  for (std::size_t last = 0; last < hits.size(); ++last) {
    different += count[hits[last].term]++ == 0;
    while (first < last && hits[last].end - hits[first].begin > excerpt_size * 3 / 4)
      different -= --count[hits[first++].term] == 0;
    const auto inside = last - first + 1;
    if (different > best_different || (different == best_different && inside > best_count)) {
      best = {first, last + 1};
      best_different = different;
      best_count = inside;
    }
  }
  return best;
}

}  // namespace

std::vector<Passage> passages_of(std::string_view content) {
  std::vector<Passage> passages;
  std::size_t at = 0;
  while (content.size() - at > passage_size) {
    const auto end = break_in(content, at + passage_size / 2, at + passage_size);
    passages.push_back({at, end});
    at = word_begin(content, end - passage_overlap, end);
  }
  if (at < content.size() || passages.empty()) passages.push_back({at, content.size()});
  return passages;
}

std::vector<Hit> hits_in(std::string_view text, const Terms& terms) {
  std::vector<Hit> hits;
  std::bitset<256> initials;  // most words are told apart without stemming them
  initials.set(0);
  for (const auto& term : terms) initials.set(static_cast<unsigned char>(term[0]));
  Words words(text.substr(0, at_character(text, std::min(text.size(), most_shown))));
  while (words.next()) {
    if (!initials[static_cast<unsigned char>(words.first_letter())]) continue;
    const auto found = std::find(terms.begin(), terms.end(), words.term());
    if (found != terms.end())
      hits.push_back({words.begin(), words.end(), static_cast<std::size_t>(found - terms.begin())});
  }
  return hits;
}

std::size_t best_passage(const std::vector<Passage>& passages, const std::vector<Hit>& hits) {
  std::size_t best = 0, best_score = 0, first = 0;
  for (std::size_t i = 0; i < passages.size() && first < hits.size(); ++i) {
    while (first < hits.size() && hits[first].begin < passages[i].begins) ++first;
    std::bitset<Query::most_wanted> different;
    std::size_t inside = 0;
    for (auto hit = first; hit < hits.size() && hits[hit].end <= passages[i].ends; ++hit, ++inside)
      different.set(hits[hit].term);
    const auto score = different.count() * passage_size + std::min(inside, passage_size - 1);
    if (score > best_score) best = i, best_score = score;
  }
  return best;
}

std::string excerpt_of(std::string_view content) {
  std::string line;
  if (content.size() <= excerpt_size) {
    append_line(line, content);
    return line;
  }
  auto end = content.find_last_of(" \n\t\r", excerpt_size);
  if (end == content.npos || end < excerpt_size / 2) end = at_character(content, excerpt_size);
  append_line(line, content.substr(0, end));
  return line + "\u2026";
}

nlohmann::json highlight(std::string_view text, const std::vector<Hit>& hits) {
  const auto [first, last] = best_window(hits);
  const auto words = hits[last - 1].end - hits[first].begin;
  const auto margin = (excerpt_size - std::min(words, excerpt_size)) / 2;
  auto begin = hits[first].begin > margin ? hits[first].begin - margin : 0;
  if (begin > 0) begin = word_begin(text, begin, hits[first].begin);
  auto end = std::min(text.size(), begin + std::max(words, excerpt_size));
  end = std::max(end, hits[last - 1].end);
  if (end < text.size()) {
    const auto space = text.find_last_of(" \n\t\r", end);
    end = space != text.npos && space > hits[last - 1].end ? space
                                                           : std::max(at_character(text, end), hits[last - 1].end);
  }

  nlohmann::json parts = nlohmann::json::array();
  const auto add = [&](std::string_view piece, bool match, std::string_view before = {}, std::string_view after = {}) {
    std::string shown(before);
    append_line(shown, piece);
    shown += after;
    if (!shown.empty()) parts.push_back({{"text", std::move(shown)}, {"match", match}});
  };
  auto at = begin;
  for (auto hit = first; hit < hits.size() && hits[hit].end <= end; ++hit) {
    if (hits[hit].begin < at) continue;
    // A piece of blanks alone still parts two words.
    const auto between = text.substr(at, hits[hit].begin - at);
    const bool blank = !between.empty() && is_space(between.front()) && at > begin;
    add(between, false, at == begin && begin > 0 ? "\u2026 " : blank ? " " : "");
    add(text.substr(hits[hit].begin, hits[hit].end - hits[hit].begin), true);
    at = hits[hit].end;
  }
  const auto rest = text.substr(at, end - at);
  add(rest, false, !rest.empty() && is_space(rest.front()) ? " " : "", end < text.size() ? " \u2026" : "");
  return parts;
}

}  // namespace knowledge
