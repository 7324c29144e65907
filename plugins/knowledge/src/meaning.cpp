#include "meaning.hpp"

#include "passages.hpp"

namespace knowledge {

using atrium::Async;
using atrium::Json;

namespace {

constexpr std::int64_t batch = 32, reset_batch = 1'000, page = 2'000;
constexpr std::chrono::seconds patience_for_passages{120}, patience_for_query{5};

}  // namespace

std::optional<Meaning::Provider> Meaning::provider() const {
  auto found = services_->find("embedding.provider");
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.service < b.service; });
  for (const auto& service : found) {
    if (configured_.empty() ? service.metadata.value("configured", true) : service.name() == configured_)
      return Provider{service.service, service.name() + "/" + service.metadata.value("model", "")};
  }
  return std::nullopt;
}

/// In turns, so that no transaction takes long. True: there may be more.
bool Meaning::forget_other_models(const Provider& provider) const {
  const auto other = store_->value<std::string>(
      "SELECT model FROM knowledge_passages WHERE model > '' AND model < ? UNION ALL "
      "SELECT model FROM knowledge_passages WHERE model > ? LIMIT 1",
      provider.model, provider.model);
  if (!other) return false;
  return store_->transaction({}, [&](atrium::Transaction& tx) {
    return tx.exec(
               "UPDATE knowledge_passages SET model = '', vector = NULL, sequence = 0 WHERE model = ? AND sequence IN "
               "(SELECT sequence FROM knowledge_passages WHERE model = ? ORDER BY sequence LIMIT ?)",
               *other, *other, reset_batch) > 0;
  });
}

std::vector<Meaning::Waiting> Meaning::waiting() const {
  struct Part {
    std::int64_t number, position;
    std::size_t begins, ends;
  };
  std::vector<Part> parts;
  store_->query(
      "SELECT number, position, begins, ends FROM knowledge_passages WHERE model = '' ORDER BY number, position LIMIT "
      "?",
      [&](const atrium::Row& row) {
        parts.push_back({row.integer(0), row.integer(1), static_cast<std::size_t>(row.integer(2)),
                         static_cast<std::size_t>(row.integer(3))});
      },
      batch);
  std::vector<Waiting> passages;
  for (std::size_t i = 0; i < parts.size();) {
    const auto number = parts[i].number;
    const auto first = i;
    while (i < parts.size() && parts[i].number == number) ++i;
    store_->query(
        "SELECT title, content FROM knowledge WHERE number = ?",
        [&](const atrium::Row& row) {
          for (auto part = first; part < i; ++part) {
            const auto& [unused, position, begins, ends] = parts[part];
            if (ends > row.text(1).size()) continue;
            std::string text(row.text(0));
            passages.push_back(
                {number, position, text.append("\n\n").append(row.text(1).substr(begins, ends - begins))});
          }
        },
        number);
  }
  return passages;
}

Async<bool> Meaning::embed_some(Provider provider) {
  if (forget_other_models(provider)) co_return true;
  const auto passages = waiting();
  if (passages.empty()) co_return false;
  Json arguments{{"texts", Json::array()}};
  for (const auto& passage : passages) arguments["texts"].push_back(passage.text);
  atrium::CallOptions options;
  options.timeout = patience_for_passages;
  options.cancellation = cancellation_;
  auto calling = services_->call(provider.service, "embed", arguments, options);
  const Json json = co_await calling;
  keep(provider, passages, atrium::embedding::EmbedAnswer::from(json, passages.size()).vectors);
  co_return true;
}

/// A passage that got its vector from another node meanwhile keeps that one.
void Meaning::keep(const Provider& provider, const std::vector<Waiting>& passages,
                   const std::vector<std::vector<double>>& vectors) const {
  std::vector<std::string> texts;
  for (const auto& vector : vectors) texts.push_back(vector_text(unit_vector(vector)));
  store_->transaction({}, [&](atrium::Transaction& tx) {
    const auto count = static_cast<std::int64_t>(passages.size());
    // Holding this row until the commit makes sequences visible in their order.
    auto sequence =
        tx.value<std::int64_t>("UPDATE knowledge_index SET vectors = vectors + ? RETURNING vectors", count).value() -
        count;
    for (std::size_t i = 0; i < passages.size(); ++i)
      tx.exec(
          "UPDATE knowledge_passages SET model = ?, vector = ?, sequence = ? WHERE number = ? AND position = ? AND "
          "model "
          "= ''",
          provider.model, texts[i], ++sequence, passages[i].number, passages[i].position);
  });
}

void Meaning::catch_up(const Provider& provider) {
  const std::lock_guard lock(catching_up_);
  if (vectors_.model() != provider.model) {
    vectors_.reset(provider.model);
    seen_ = 0;
    full_ = false;
  }
  for (bool more = true; more && !full_;) {
    more = false;
    store_->query(
        "SELECT number, position, vector, sequence FROM knowledge_passages WHERE model = ? AND sequence > ? "
        "ORDER BY sequence LIMIT ?",
        [&](const atrium::Row& row) {
          more = true;
          seen_ = row.integer(3);
          if (!full_ && !vectors_.add(row.integer(0), row.integer(1), vector_from(row.text(2)))) full_ = true;
        },
        provider.model, seen_, page);
  }
}

Async<std::vector<Near>> Meaning::nearest(Provider provider, std::string text, std::size_t most,
                                          std::optional<std::vector<std::int64_t>> among) {
  Json arguments{{"texts", Json::array()}};
  arguments["texts"].push_back(std::move(text));
  atrium::CallOptions options;
  options.timeout = patience_for_query;
  options.cancellation = cancellation_;
  auto calling = services_->call(provider.service, "embed", arguments, options);
  const Json json = co_await calling;
  const auto answer = atrium::embedding::EmbedAnswer::from(json, 1);
  catch_up(provider);
  co_return vectors_.nearest(unit_vector(answer.vectors[0]), most, among ? &*among : nullptr);
}

}  // namespace knowledge
