#pragma once
// Search by meaning, where a provider of embeddings is present: passages get vectors in the background, queries when
// they come.
#include "vectors.hpp"

#include <atrium/embedding.hpp>

namespace knowledge {

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
  /// The entries nearest to a text, each with its best passage. among: only these, in order; null: all.
  atrium::Async<std::vector<Near>> nearest(Provider provider, std::string text, std::size_t most,
                                           std::optional<std::vector<std::int64_t>> among);
  void forget(const std::vector<std::int64_t>& numbers) { vectors_.forget(numbers); }
  /// Reads the vectors that came since the last time, on whatever node.
  void catch_up(const Provider& provider);
  std::size_t size() const { return vectors_.size(); }
  bool is_full() const { return full_; }

 private:
  struct Waiting {
    std::int64_t number, position;
    std::string text;
  };
  bool forget_other_models(const Provider& provider) const;
  std::vector<Waiting> waiting() const;
  void keep(const Provider& provider, const std::vector<Waiting>& passages,
            const std::vector<std::vector<double>>& vectors) const;

  const atrium::Store* store_;
  const atrium::Services* services_;
  atrium::Cancellation cancellation_;
  std::string configured_;
  Vectors vectors_;
  std::mutex catching_up_;
  std::int64_t seen_ = 0;
  std::atomic<bool> full_{false};
};

}  // namespace knowledge
