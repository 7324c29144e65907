#include "meaning.hpp"

#include "passages.hpp"

namespace knowledge {

using atrium::Async;
using atrium::Json;

namespace {

constexpr std::int64_t batch = 32, reset_batch = 1'000, page = 2'000;
constexpr std::int64_t most_from_database = 10'000;  // at each search
constexpr std::size_t most_asked = 64;
constexpr std::chrono::seconds patience_for_passages{120}, patience_for_query{3}, silence_after_failure{15};

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
          full_ = full_ || !vectors_.add(row.integer(0), row.integer(1), vector_from(row.text(2)));
          if (!full_) seen_ = row.integer(3);
        },
        provider.model, seen_.load(), page);
  }
}

void Meaning::forget(const std::vector<std::int64_t>& numbers) {
  if (vectors_.forget(numbers)) full_ = false;
}

/// The vectors that had no room in memory, as far as the bound.
void Meaning::add_from_database(const Provider& provider, const Vector& to, const std::vector<std::int64_t>* among,
                                std::vector<Near>& all) const {
  auto after = seen_.load();
  std::int64_t left = most_from_database;
  for (bool more = full_; more && left > 0; left -= page) {
    more = false;
    store_->query(
        "SELECT number, position, vector, sequence FROM knowledge_passages WHERE model = ? AND sequence > ? "
        "ORDER BY sequence LIMIT ?",
        [&](const atrium::Row& row) {
          more = true;
          after = row.integer(3);
          const auto number = row.integer(0);
          const auto vector = vector_from(row.text(2));
          const bool counts = !among || std::binary_search(among->begin(), among->end(), number);
          if (counts && vector.size() == to.size()) all.push_back({number, row.integer(1), similarity(to, vector)});
        },
        provider.model, after, std::min(page, left));
  }
}

Coverage Meaning::coverage(const Provider& provider) const {
  Coverage coverage{static_cast<std::int64_t>(vectors_.size()), 0, 0};
  if (!full_) return coverage;
  const auto outside = store_->value<std::int64_t>(
      "SELECT count(*) FROM knowledge_passages WHERE model = ? AND sequence > ?", provider.model, seen_.load());
  coverage.from_database = std::min(outside.value_or(0), most_from_database);
  coverage.left_out = outside.value_or(0) - coverage.from_database;
  return coverage;
}

Async<Vector> Meaning::vector_of_query(Provider provider, std::string text) {
  {
    const std::lock_guard lock(asked_mutex_);
    for (const auto& asked : asked_)
      if (asked.model == provider.model && asked.text == text) co_return asked.vector;
  }
  Json arguments{{"texts", Json::array()}};
  arguments["texts"].push_back(text);
  atrium::CallOptions options;
  options.timeout = patience_for_query;
  options.cancellation = cancellation_;
  auto calling = services_->call(provider.service, "embed", arguments, options);
  const Json json = co_await calling;
  const auto answer = atrium::embedding::EmbedAnswer::from(json, 1);
  Asked asked{provider.model, std::move(text), unit_vector(answer.vectors[0])};
  const std::lock_guard lock(asked_mutex_);
  asked_.push_front(asked);
  if (asked_.size() > most_asked) asked_.pop_back();
  co_return std::move(asked.vector);
}

Async<std::vector<Near>> Meaning::nearest(Provider provider, std::string text, std::size_t most,
                                          std::optional<std::vector<std::int64_t>> among) {
  if (atrium::Time::now().microseconds < silent_until_) co_return std::vector<Near>{};
  Vector to;
  try {
    auto asking = vector_of_query(provider, std::move(text));
    to = co_await asking;
  } catch (const std::exception&) {
    silent_until_ = (atrium::Time::now() + silence_after_failure).microseconds;
    throw;
  }
  catch_up(provider);
  const auto* only = among ? &*among : nullptr;
  auto all = vectors_.nearest(to, most, only);
  if (!full_) co_return all;
  add_from_database(provider, to, only, all);
  co_return best_of(std::move(all), most);
}

}  // namespace knowledge
