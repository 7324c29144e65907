#pragma once
// What a query finds: by words, and by meaning where that is possible, as one ranked list.
#include "index.hpp"
#include "meaning.hpp"
#include "passages.hpp"

namespace knowledge {

struct Request {
  std::string text;
  Filter filter;
  bool every = true;  ///< all words, else one of them
  std::int64_t limit = 50, offset = 0;
};

struct Found {
  Entry entry;
  double score = 0;
  std::size_t passage_begins = 0, passage_ends = 0;
  std::vector<Hit> title_hits, content_hits;

  std::string_view passage() const {
    return std::string_view(entry.content).substr(passage_begins, passage_ends - passage_begins);
  }
  /// [{"member": "title", "parts": [{"text", "match"}]}], for each member that has some of the words.
  atrium::Json highlights() const;
};

struct Results {
  std::int64_t total = 0;
  std::vector<Found> page;
};

class Search {
 public:
  Search(const atrium::Store& store, const atrium::Host& host, const Index& index, Meaning& meaning)
      : store_(&store), host_(&host), index_(&index), meaning_(&meaning) {}

  atrium::Async<Results> run(Request request) const;

 private:
  struct Ranked {
    std::int64_t number;
    double score;
    std::optional<std::int64_t> position;  ///< of the passage that is near in meaning
  };
  void keep_phrases(std::vector<Match>& matches, const Query& query) const;
  atrium::Async<std::vector<Near>> near(Request request) const;
  bool forget_gone(std::vector<Near>& near) const;
  Results page(const Request& request, const Query& query, const std::vector<Ranked>& ranked, std::size_t total) const;

  const atrium::Store* store_;
  const atrium::Host* host_;
  const Index* index_;
  Meaning* meaning_;
};

}  // namespace knowledge
