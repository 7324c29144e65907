#include "postings.hpp"

#include "words.hpp"

#include <algorithm>
#include <array>
#include <bitset>
#include <cmath>
#include <unordered_map>

namespace knowledge {
namespace {

constexpr std::int64_t title_counts = 3, most_often = 63, longest = (1 << 18) - 1;
constexpr float k1 = 1.2F, b = 0.75F;  // BM25's usual parameters

char digit(std::int64_t value) { return static_cast<char>('0' + (value & 63)); }
std::int64_t value(char digit) { return digit - '0'; }
std::int64_t place_of(const char* posting) { return value(posting[0]) << 6 | value(posting[1]); }

constexpr std::uint32_t fnv_begin = 2166136261U;
std::uint32_t fnv(std::string_view text, std::uint32_t hash) {
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  return hash;
}
/// Twelve bits of it.
std::int64_t folded(std::uint32_t hash) { return (hash >> 20 ^ hash) & 0xfff; }

std::int64_t pair_of(std::string_view first, std::string_view second) {
  return folded(fnv(second, fnv(" ", fnv(first, fnv_begin))));
}
std::string pair_term(std::int64_t pair) { return {'=', '2', ':', digit(pair >> 6), digit(pair)}; }

/// Bytes that would end a term in a line are written as %XX.
std::string filter_term(std::string_view kind, std::string_view text) {
  static constexpr char hex[] = "0123456789abcdef";
  std::string term(kind);
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > ' ' && c != '%')
      term += c;
    else
      term.append({'%', hex[byte >> 4], hex[byte & 15]});
  }
  return term;
}

}  // namespace

std::string category_term(std::string_view category) { return filter_term("=category:", category); }
std::string tag_term(std::string_view tag) { return filter_term("=tag:", tag); }
std::string pair_term(std::string_view first, std::string_view second) { return pair_term(pair_of(first, second)); }

Forward forward_of(std::string_view title, std::string_view content, const std::optional<std::string>& category,
                   const std::vector<std::string>& tags) {
  Forward forward;
  std::unordered_map<std::string, std::int64_t> often;
  std::bitset<4096> pairs;
  const auto count = [&](std::string_view text, std::int64_t times) {
    Words words(text);
    std::string term, before;
    while (words.next()) {
      term = words.term();
      if (term.empty()) continue;
      ++forward.length;
      often[term] += times;
      if (!before.empty()) pairs.set(static_cast<std::size_t>(pair_of(before, term)));
      std::swap(before, term);
    }
  };
  count(title, title_counts);
  count(content, 1);
  if (category) often[category_term(*category)] = 1;
  for (const auto& tag : tags) often[tag_term(tag)] = 1;

  const auto length = std::min(forward.length, longest), tie = folded(fnv(content, fnv(title, fnv_begin)));
  forward.terms = "\n";
  const auto add = [&](std::string_view term, std::int64_t times) {
    forward.terms.append(term).append({' ', digit(std::min(times, most_often)), digit(length >> 12), digit(length >> 6),
                                       digit(length), digit(tie >> 6), digit(tie), '\n'});
  };
  for (const auto& [term, times] : often) add(term, times);
  for (std::size_t pair = 0; pair < pairs.size(); ++pair)
    if (pairs[pair]) add(pair_term(static_cast<std::int64_t>(pair)), 1);
  return forward;
}

std::string posting(std::int64_t number, std::string_view code) {
  const auto place = number % block_size;
  return std::string{digit(place >> 6), digit(place)}.append(code);
}

std::string without(std::string_view data, const std::vector<std::int64_t>& places) {
  std::string kept;
  kept.reserve(data.size());
  for (std::size_t at = 0; at + posting_size <= data.size(); at += posting_size)
    if (std::find(places.begin(), places.end(), place_of(data.data() + at)) == places.end())
      kept.append(data.substr(at, posting_size));
  return kept;
}

Ranking::Ranking(const Query& query, const Terms& filters, bool every) : wanted_(query.wanted.size()) {
  const auto add = [&](const std::string& term) {
    terms_.push_back(term);
    return std::uint64_t{1} << (terms_.size() - 1);
  };
  for (const auto& term : query.wanted) any_ |= add(term);
  if (every) required_ = any_;
  for (const auto& term : filters) required_ |= add(term);
  for (const auto& term : query.excluded) excluded_ |= add(term);
  std::size_t pairs = 0;
  for (const auto& phrase : query.phrases)
    for (std::size_t i = 1; i < phrase.size(); ++i)
      if (pairs++ < most_pairs) pairs_ |= add(pair_term(phrase[i - 1], phrase[i]));
  all_pairs_ = pairs <= most_pairs;
  if (any_ == 0) any_ = required_;
  frequency_.assign(terms_.size(), 0);
}

void Ranking::add_postings(std::string_view term, std::int64_t block, std::string_view data) {
  // A word may be both wanted and excluded.
  for (std::size_t i = 0; i < terms_.size(); ++i) {
    if (terms_[i] != term) continue;
    slices_.push_back({block, i, std::string(data)});
    frequency_[i] += static_cast<std::int64_t>(data.size() / posting_size);
  }
}

void Ranking::add_pending(std::int64_t number, std::int64_t length, std::string_view terms) {
  entries_ += 1;
  words_ += length;
  for (std::size_t i = 0; i < terms_.size(); ++i) {
    const std::string line = '\n' + terms_[i] + ' ';
    const auto at = terms.find(line);
    if (at == terms.npos) continue;
    slices_.push_back({number / block_size, i, posting(number, terms.substr(at + line.size(), code_size))});
    frequency_[i] += 1;
  }
}

void Ranking::add_removed(std::int64_t number, std::int64_t length) {
  removed_.push_back(number);
  entries_ -= 1;
  words_ -= length;
}

void Ranking::add_totals(std::int64_t entries, std::int64_t words) {
  entries_ += entries;
  words_ += words;
}

/// Each term's inverse document frequency; nothing for those that only filter.
std::vector<float> Ranking::weights(float& average) const {
  const auto entries = static_cast<double>(std::max<std::int64_t>(entries_, 1));
  average = static_cast<float>(std::max(1.0, static_cast<double>(words_) / entries));
  std::vector<float> weights(terms_.size(), 0);
  for (std::size_t i = 0; i < wanted_; ++i) {
    const auto with = std::min(static_cast<double>(frequency_[i]), entries);
    weights[i] = static_cast<float>(std::log(1 + (entries - with + 0.5) / (with + 0.5)));
  }
  return weights;
}

std::vector<Match> Ranking::matches() {
  float average = 1;
  const auto weight = weights(average);
  std::sort(slices_.begin(), slices_.end(),
            [](const Slice& x, const Slice& y) { return x.block != y.block ? x.block < y.block : x.term < y.term; });
  std::sort(removed_.begin(), removed_.end());
  struct Cell {
    std::uint64_t terms = 0;
    float score = 0;
    std::uint16_t tie = 0;
  };
  std::vector<Cell> cells(block_size);
  std::vector<Match> found;
  for (std::size_t first = 0, last = 0; first < slices_.size(); first = last) {
    const auto block = slices_[first].block;
    std::uint64_t here = 0;
    for (; last < slices_.size() && slices_[last].block == block; ++last)
      here |= std::uint64_t{1} << slices_[last].term;
    const auto least = required_of(block * block_size);
    if ((here & least) != least || (here & any_) == 0) continue;
    std::fill(cells.begin(), cells.end(), Cell{});
    for (auto slice = first; slice < last; ++slice) {
      const auto& [unused, term, data] = slices_[slice];
      const auto bit = std::uint64_t{1} << term;
      for (const char *p = data.data(), *end = p + data.size(); p < end; p += posting_size) {
        auto& cell = cells[static_cast<std::size_t>(place_of(p))];
        const auto often = static_cast<float>(value(p[2]));
        const auto length = static_cast<float>(value(p[3]) << 12 | value(p[4]) << 6 | value(p[5]));
        cell.terms |= bit;
        cell.score += weight[term] * often * (k1 + 1) / (often + k1 * (1 - b + b * length / average));
        cell.tie = static_cast<std::uint16_t>(value(p[6]) << 6 | value(p[7]));
      }
    }
    for (std::int64_t place = 0; place < block_size; ++place) {
      const auto& cell = cells[static_cast<std::size_t>(place)];
      const auto number = block * block_size + place;
      const auto required = required_of(number);
      if ((cell.terms & any_) == 0 || (cell.terms & required) != required || (cell.terms & excluded_) != 0) continue;
      if (!std::binary_search(removed_.begin(), removed_.end(), number))
        found.push_back({number, cell.score, cell.tie, all_pairs_ && number >= pairs_from_});
    }
  }
  return found;
}

}  // namespace knowledge
