#include "search.hpp"

#include <unordered_map>
#include <unordered_set>

namespace knowledge {

using atrium::Async;
using atrium::Json;

namespace {

constexpr std::size_t most_near = 100, most_fused = 200;
constexpr int most_rounds = 50;  // of asking again, because vectors of removed entries stood in the way
constexpr std::size_t surely_read = 500, most_read = 2'000, read_at_once = 512;  // for phrases
constexpr double fusion_constant = 60;  // of reciprocal rank fusion, as its authors chose it

/// The best `most` come first, in order; the rest stay as they are.
void sort_best(std::vector<Match>& matches, std::size_t most) {
  const auto end = matches.begin() + static_cast<std::ptrdiff_t>(std::min(most, matches.size()));
  std::partial_sort(matches.begin(), end, matches.end());
}

bool fits_phrases(std::string_view title, std::string_view content, const Query& query, PhraseFinder& finder) {
  const auto has = [&](const Terms& phrase) {
    return finder.contains(title, phrase) || finder.contains(content, phrase);
  };
  return std::all_of(query.phrases.begin(), query.phrases.end(), has) &&
         std::none_of(query.forbidden.begin(), query.forbidden.end(), has);
}

}  // namespace

Json Found::highlights() const {
  Json highlights = Json::array();
  if (!title_hits.empty()) highlights.push_back({{"member", "title"}, {"parts", highlight(entry.title, title_hits)}});
  if (!content_hits.empty())
    highlights.push_back({{"member", "content"}, {"parts", highlight(entry.content, content_hits)}});
  return highlights;
}

Async<Results> Search::run(Request request) const {
  const auto query = parse_query(request.text);
  const auto end = static_cast<std::size_t>(request.offset + request.limit);
  std::vector<Match> matches;
  if (!query.wanted.empty()) matches = index_->find(query, request.filter, request.every);
  if (!query.phrases.empty() || !query.forbidden.empty()) keep_phrases(matches, query);

  std::vector<Near> near_ones;
  if (!query.wanted.empty() && !query.is_exact()) {
    auto looking = near(request);
    near_ones = co_await looking;
  }
  if (near_ones.empty()) {
    sort_best(matches, end);
    std::vector<Ranked> ranked;
    for (std::size_t i = 0; i < std::min(end, matches.size()); ++i)
      ranked.push_back({matches[i].number, matches[i].score, {}});
    co_return page(request, query, ranked, matches.size());
  }

  sort_best(matches, std::max(end, most_fused));
  std::unordered_map<std::int64_t, Ranked> fused;
  for (std::size_t i = 0; i < std::min(most_fused, matches.size()); ++i)
    fused[matches[i].number] = {matches[i].number, 1 / (fusion_constant + static_cast<double>(i + 1)), {}};
  std::unordered_set<std::int64_t> only_near;
  for (std::size_t i = 0; i < near_ones.size(); ++i) {
    const auto number = near_ones[i].number;
    auto& entry = fused.try_emplace(number, Ranked{number, 0, {}}).first->second;
    entry.score += 1 / (fusion_constant + static_cast<double>(i + 1));
    entry.position = near_ones[i].position;
    only_near.insert(number);
  }
  std::vector<Ranked> ranked;
  for (const auto& [unused, entry] : fused) ranked.push_back(entry);
  std::sort(ranked.begin(), ranked.end(), [](const Ranked& a, const Ranked& b) {
    return a.score != b.score ? a.score > b.score : a.number > b.number;
  });
  for (std::size_t i = most_fused; i < std::min(end, matches.size()); ++i)
    if (!only_near.contains(matches[i].number))
      ranked.push_back({matches[i].number, 1 / (fusion_constant + static_cast<double>(i + 1)), {}});
  for (const auto& match : matches) only_near.erase(match.number);
  co_return page(request, query, ranked, matches.size() + only_near.size());
}

/// The best are checked in their texts. Of the others the index alone tells, nearly always rightly, whether they have
/// the phrases; page() shows none that has not. Where it cannot tell, further texts are read, up to a bound.
void Search::keep_phrases(std::vector<Match>& matches, const Query& query) const {
  sort_best(matches, most_read);
  std::vector<std::int64_t> to_read;
  std::unordered_set<std::int64_t> good;
  for (std::size_t i = 0; i < matches.size(); ++i) {
    const bool trusted = matches[i].has_pairs && query.forbidden.empty();
    if (i < surely_read || (i < most_read && !trusted))
      to_read.push_back(matches[i].number);
    else if (trusted)
      good.insert(matches[i].number);
  }
  PhraseFinder finder;
  for (std::size_t at = 0; at < to_read.size(); at += read_at_once) {
    const auto begin = to_read.begin() + static_cast<std::ptrdiff_t>(at);
    const std::vector<std::int64_t> numbers(
        begin, begin + static_cast<std::ptrdiff_t>(std::min(read_at_once, to_read.size() - at)));
    atrium::Parameters parameters;
    const auto marks = placeholders(parameters, numbers);
    store_->run("SELECT number, title, content FROM knowledge WHERE number IN (" + marks + ")", parameters,
                [&](const atrium::Row& row) {
                  if (fits_phrases(row.text(1), row.text(2), query, finder)) good.insert(row.integer(0));
                });
  }
  std::erase_if(matches, [&](const Match& match) { return !good.contains(match.number); });
}

/// Nothing where no provider is present, or where it does not answer: words alone find then.
Async<std::vector<Near>> Search::near(Request request) const {
  const auto provider = meaning_->provider();
  if (!provider) co_return std::vector<Near>{};
  std::optional<std::vector<std::int64_t>> among;
  if (!request.filter.terms().empty()) {
    among.emplace();
    for (const auto& match : index_->find({}, request.filter, true)) among->push_back(match.number);
    std::sort(among->begin(), among->end());
  }
  try {
    for (int round = 1;; ++round) {
      auto looking = meaning_->nearest(*provider, request.text, most_near, among);
      auto found = co_await looking;
      const bool whole = !forget_gone(found);
      if (whole || round == most_rounds) co_return found;
    }
  } catch (const atrium::Problem& problem) {
    host_->log(atrium::Level::warning, "Searching by words alone: the embedding provider failed",
               {{"provider", provider->service}, {"error", problem.what()}});
  }
  co_return std::vector<Near>{};
}

/// Vectors outlive their entries until somebody notices here. Whether some had: they took places of others.
bool Search::forget_gone(std::vector<Near>& near) const {
  if (near.empty()) return false;
  std::vector<std::int64_t> numbers;
  for (const auto& one : near) numbers.push_back(one.number);
  atrium::Parameters parameters;
  const auto marks = placeholders(parameters, numbers);
  std::unordered_set<std::int64_t> there;
  store_->run("SELECT number FROM knowledge WHERE number IN (" + marks + ")", parameters,
              [&](const atrium::Row& row) { there.insert(row.integer(0)); });
  std::erase_if(numbers, [&](std::int64_t number) { return there.contains(number); });
  if (numbers.empty()) return false;
  meaning_->forget(numbers);
  std::erase_if(near, [&](const Near& one) { return !there.contains(one.number); });
  return true;
}

Results Search::page(const Request& request, const Query& query, const std::vector<Ranked>& ranked,
                     std::size_t total) const {
  Results results;
  results.total = static_cast<std::int64_t>(total);
  const auto begin = std::min(ranked.size(), static_cast<std::size_t>(request.offset));
  const auto end = std::min(ranked.size(), begin + static_cast<std::size_t>(request.limit));
  if (begin == end) return results;
  std::vector<std::int64_t> numbers;
  for (auto i = begin; i < end; ++i) numbers.push_back(ranked[i].number);
  atrium::Parameters parameters;
  const auto marks = placeholders(parameters, numbers);
  std::unordered_map<std::int64_t, Entry> entries;
  store_->run("SELECT " + atrium::columns<Entry>() + " FROM knowledge WHERE number IN (" + marks + ")", parameters,
              [&](const atrium::Row& row) {
                auto entry = row.as<Entry>();
                const auto number = entry.number;
                entries.emplace(number, std::move(entry));
              });
  PhraseFinder finder;
  for (auto i = begin; i < end; ++i) {
    const auto entry = entries.find(ranked[i].number);
    if (entry == entries.end()) continue;  // removed a moment ago
    if (!fits_phrases(entry->second.title, entry->second.content, query, finder)) continue;
    auto& found = results.page.emplace_back();
    found.entry = std::move(entry->second);
    found.score = ranked[i].score;
    found.title_hits = hits_in(found.entry.title, query.wanted);
    found.content_hits = hits_in(found.entry.content, query.wanted);
    const auto passages = passages_of(found.entry.content);
    const auto best = static_cast<std::size_t>(ranked[i].position.value_or(-1));
    const auto& passage =
        best < passages.size() ? passages[best] : passages[best_passage(passages, found.content_hits)];
    found.passage_begins = passage.begins;
    found.passage_ends = passage.ends;
  }
  return results;
}

}  // namespace knowledge
