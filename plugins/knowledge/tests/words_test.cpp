#include "words.hpp"
#include "passages.hpp"
#include "postings.hpp"
#include "vectors.hpp"

#include <gtest/gtest.h>

using namespace knowledge;

namespace {

Terms terms(std::string_view text) {
  Terms out;
  Words words(text);
  while (words.next())
    if (const auto term = words.term(); !term.empty()) out.emplace_back(term);
  return out;
}

TEST(Words, CaseAccentsAndEnglishEndingsDoNotMatter) {
  EXPECT_EQ(terms("Running RUNS run"), (Terms{"run", "run", "run"}));
  EXPECT_EQ(terms("Café naïve Straße"), terms("cafe naive STRASSE"));
  EXPECT_EQ(terms("don't don\u2019t"), (Terms{"dont", "dont"}));
}

TEST(Words, TooCommonOnesAreLeftOut) { EXPECT_EQ(terms("the state of the art"), (Terms{"state", "art"})); }

TEST(Words, ScriptsWithoutSpacesGiveAWordForEachCharacter) { EXPECT_EQ(terms("日本語").size(), 3U); }

TEST(Words, AnyBytesAreSafe) {
  EXPECT_EQ(terms(std::string_view("\xff\xfe a\0b \xf0\x9f\x98\x80 word", 17)).back(), "word");
  EXPECT_EQ(terms(std::string(5000, 'x'))[0].size(), Words::longest_term);
}

TEST(Query, WordsPhrasesAndExclusions) {
  const auto query = parse_query("red \"state of the art\" -blue -\"old wine\" red");
  EXPECT_EQ(query.wanted, (Terms{"red", "state", "art"}));
  EXPECT_EQ(query.excluded, Terms{"blue"});
  EXPECT_EQ(query.phrases, (std::vector<Terms>{{"state", "art"}}));
  EXPECT_EQ(query.forbidden, (std::vector<Terms>{{"old", "wine"}}));
}

TEST(Query, AnythingIsAQuery) {
  for (const char* text : {"", "-", "\"", "-\"", "\"\"", "the of", "* AND (", "a' OR 1=1 --"})
    EXPECT_LE(parse_query(text).wanted.size(), 4U) << text;
  std::string many;
  for (int i = 0; i < 2000; ++i) many += "w" + std::to_string(i) + " ";
  EXPECT_EQ(parse_query(many).wanted.size(), Query::most_wanted);
}

TEST(Query, APhraseStandsInItsOrder) {
  PhraseFinder finder;
  EXPECT_TRUE(finder.contains("The state of the arts", {"state", "art"}));
  EXPECT_FALSE(finder.contains("art of the state", {"state", "art"}));
  EXPECT_TRUE(finder.contains("state, state of art's \u00c9tat", {"state", "art", "etat"})) << "in any form of a word";
  EXPECT_TRUE(finder.contains("a b state\u0301 art", {"state", "art"})) << "with accents";
  EXPECT_FALSE(finder.contains("state art", {"state", "art", "state"}));
  EXPECT_FALSE(finder.contains("statement artful", {"state", "art"})) << "the same initials are not enough";
  EXPECT_FALSE(finder.contains("", {"state", "art"}));
}

/// Ranks a few texts, of which the first `merged` are in the postings and the rest wait.
std::vector<std::int64_t> ranked(const std::vector<std::string>& texts, std::string_view words, std::size_t merged,
                                 const std::vector<std::int64_t>& removed = {}) {
  Ranking ranking(parse_query(words), {}, true);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto forward = forward_of("t", texts[i], {}, {});
    const auto number = static_cast<std::int64_t>(i) + 4090;  // around a block's end
    if (i >= merged) {
      ranking.add_pending(number, forward.length, forward.terms);
      continue;
    }
    for_each_term(forward.terms, [&](std::string_view term, std::string_view code) {
      ranking.add_postings(term, number / block_size, posting(number, code));
    });
    ranking.add_totals(1, forward.length);
  }
  for (const auto i : removed) ranking.add_removed(i + 4090, 1);
  auto matches = ranking.matches();
  std::sort(matches.begin(), matches.end());
  std::vector<std::int64_t> order;
  for (const auto& match : matches) order.push_back(match.number - 4090);
  return order;
}

const std::vector<std::string> texts = {
    "wolf",          "wolf and bear and fish and bird", "wolf wolf wolf and bear", "bird", "fish", "fish", "fish",
    "bear bear bird"};

TEST(Ranking, OftenAndInShortTextsComesFirst) {
  EXPECT_EQ(ranked(texts, "wolf", texts.size()), (std::vector<std::int64_t>{2, 0, 1}));
  EXPECT_EQ(ranked(texts, "wolf bear", texts.size()), (std::vector<std::int64_t>{2, 1}));
  EXPECT_EQ(ranked(texts, "wolf -bear", texts.size()), std::vector<std::int64_t>{0});
}

TEST(Ranking, WhatWaitsIsFoundAsWhatIsMerged) {
  for (const auto* words : {"wolf", "bear bird", "fish -wolf"})
    for (std::size_t merged = 0; merged <= texts.size(); ++merged)
      EXPECT_EQ(ranked(texts, words, merged), ranked(texts, words, texts.size())) << words << merged;
}

TEST(Ranking, TheRemovedAreNotFound) {
  EXPECT_EQ(ranked(texts, "wolf", texts.size(), {2}), (std::vector<std::int64_t>{0, 1}));
}

TEST(Ranking, APhraseNeedsItsPairsWhereTheyAreIndexed) {
  const std::vector<std::string> some{"wolf of bear", "bear wolf", "fish wolf bear", "bear of the wolf"};
  EXPECT_EQ(ranked(some, "\"wolf bear\"", some.size()).size(), 2U);
  EXPECT_EQ(ranked(some, "\"wolf bear\"", 1).size(), 2U);
  Ranking ranking(parse_query("\"wolf bear\""), {}, true);
  ranking.set_pairs_from(8);
  for (const std::int64_t number : {7, 8}) {
    const auto forward = forward_of("t", "bear wolf", {}, {});
    ranking.add_pending(number, forward.length, forward.terms);
  }
  const auto matches = ranking.matches();
  ASSERT_EQ(matches.size(), 1U);
  EXPECT_EQ(matches[0].number, 7) << "from before the pairs: its text decides";
}

TEST(Postings, ATermIsTakenOutOfABlock) {
  const auto data = posting(5, "abcdef") + posting(4101, "ghijkl");
  EXPECT_EQ(without(data, {5}), "");  // 4101 has the same place in the next block
  EXPECT_EQ(without(data, {7}), data);
}

TEST(Passages, CoverTheTextAndOverlap) {
  std::string text;
  for (int i = 0; i < 900; ++i) text += "Sentence " + std::to_string(i) + " with ünïcode. ";
  const auto passages = passages_of(text);
  ASSERT_GT(passages.size(), 10U);
  EXPECT_EQ(passages.front().begins, 0U);
  EXPECT_EQ(passages.back().ends, text.size());
  for (std::size_t i = 1; i < passages.size(); ++i) {
    EXPECT_LT(passages[i].begins, passages[i - 1].ends);
    EXPECT_LE(passages[i].ends - passages[i].begins, passage_size);
  }
  EXPECT_EQ(passages_of(std::string(5000, 'x')).back().ends, 5000U);
}

TEST(Highlights, AreTextAndNeverMarkup) {
  const std::string text = "a <b>lion</b> lies " + std::string(500, '.') + " far away";
  const auto parts = highlight(text, hits_in(text, {"lion"}));
  EXPECT_EQ(parts[0]["text"], "a <b>");
  EXPECT_EQ(parts[1], (nlohmann::json{{"text", "lion"}, {"match", true}}));
}

TEST(Vectors, ATextFormLosesNothingAndTheNearestAreExact) {
  const auto vector = unit_vector({1, -2.5, 3e-7, 4, 5});
  EXPECT_EQ(vector_from(vector_text(vector)), vector);
  Vectors vectors(1 << 20);
  vectors.reset("m");
  for (int i = 0; i < 50; ++i) vectors.add(i / 2, i % 2, unit_vector({1.0, i * 0.1}));
  const auto near = vectors.nearest(unit_vector({1.0, 2.0}), 2, nullptr);
  ASSERT_EQ(near.size(), 2U);
  EXPECT_EQ(near[0].number, 10);
  const std::vector<std::int64_t> among{3};
  EXPECT_EQ(vectors.nearest(unit_vector({1.0, 2.0}), 5, &among)[0].number, 3);
  vectors.forget({10});
  EXPECT_NE(vectors.nearest(unit_vector({1.0, 2.0}), 1, nullptr)[0].number, 10);
  EXPECT_FALSE(Vectors(8).add(1, 0, vector));
}

}  // namespace
