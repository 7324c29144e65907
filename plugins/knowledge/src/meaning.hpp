#pragma once
// Search by meaning, where a provider of embeddings is present: passages get vectors in the background, queries when
// they come.
#include "vectors.hpp"

#include <atrium/embedding.hpp>

#include <deque>

namespace knowledge {

/// How many passages are found by their meaning, and how.
struct Coverage {
  std::int64_t in_memory = 0;
  std::int64_t from_database = 0;  ///< read at each search, since the memory allowed to vectors is full
  std::int64_t left_out = 0;       ///< too many even for that: found by their words alone
};

class Meaning {
 public:
  struct Provider {
    std::string service, model;  ///< model: of which provider, too
  };

  /// configured: the provider's name; empty: the first that is ready to be used.
  Meaning(const atrium::Store& store, const atrium::Services& services, atrium::Cancellation cancellation,
          std::string configured, std::size_t most_bytes)
      : store_(&store),
        services_(&services),
        cancellation_(std::move(cancellation)),
        configured_(std::move(configured)),
        vectors_(most_bytes) {}

  std::optional<Provider> provider() const;
  /// Gives vectors to a bounded number of passages that have none of this model. False: there are no more.
  atrium::Async<bool> embed_some(Provider provider);
  /// The entries nearest to a text, each with its best passage. among: only these, in order; null: all. Throws when the
  /// provider fails; for a while after that it answers nothing and leaves the provider in peace.
  atrium::Async<std::vector<Near>> nearest(Provider provider, std::string text, std::size_t most,
                                           std::optional<std::vector<std::int64_t>> among);
  void forget(const std::vector<std::int64_t>& numbers);
  /// Reads the vectors that came since the last time, on whatever node.
  void catch_up(const Provider& provider);
  Coverage coverage(const Provider& provider) const;

 private:
  struct Waiting {
    std::int64_t number, position;
    std::string text;
  };
  bool forget_other_models(const Provider& provider) const;
  std::vector<Waiting> waiting() const;
  void keep(const Provider& provider, const std::vector<Waiting>& passages,
            const std::vector<std::vector<double>>& vectors) const;
  atrium::Async<Vector> vector_of_query(Provider provider, std::string text);
  void add_from_database(const Provider& provider, const Vector& to, const std::vector<std::int64_t>* among,
                         std::vector<Near>& all) const;

  const atrium::Store* store_;
  const atrium::Services* services_;
  atrium::Cancellation cancellation_;
  std::string configured_;
  Vectors vectors_;
  std::mutex catching_up_;
  std::atomic<std::int64_t> seen_{0};  ///< the last sequence that is in memory
  std::atomic<bool> full_{false};
  std::atomic<std::int64_t> silent_until_{0};  ///< Time, after a query to the provider failed

  struct Asked {
    std::string model, text;
    Vector vector;
  };
  std::mutex asked_mutex_;
  std::deque<Asked> asked_;  ///< the last queries: a further page of one asks nobody
};

}  // namespace knowledge
