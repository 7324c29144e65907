// What a company knows: entries that people and agents write, and find again.
#include "search.hpp"

namespace knowledge {

using atrium::Async;
using atrium::Json;

struct SearchArguments {
  std::string query;
  std::optional<std::string> category;
  std::int64_t limit = 5;

  static constexpr auto members =
      atrium::members(atrium::member("query", &SearchArguments::query)
                          .length(1, 1'000)
                          .required()
                          .description("Words to look for; \"in quotes\" as a phrase, -word to leave it out"),
                      atrium::member("category", &SearchArguments::category)
                          .length(1, 100)
                          .description("Only entries of this category"),
                      atrium::member("limit", &SearchArguments::limit).range(1, 20));
};

/// Configuration: embedding_provider (the name of one, else the first that is ready), vector_memory_mb.
class Knowledge final : public atrium::Plugin {
 public:
  void start() override {
    const Json settings = configuration();
    index_.emplace(store());
    meaning_.emplace(store(), services(), cancellation(), settings.value("embedding_provider", ""),
                     static_cast<std::size_t>(
                         std::clamp<std::int64_t>(settings.value("vector_memory_mb", std::int64_t{512}), 1, 1 << 20))
                         << 20);
    search_.emplace(store(), host(), *index_, *meaning_);

    declare_lists();
    auto entries = resource<Entry>("/knowledge", "Knowledge");
    entries.read();
    entries.create()
        .before([this](atrium::Transaction& tx, const atrium::Principal&, Entry& now, const Entry*) {
          now.excerpt = excerpt_of(now.content);
          index_->add(tx, now);
        })
        .after([](atrium::Transaction& tx, const atrium::Principal&, Entry& now, const Entry*) { add_tags(tx, now); });
    entries.update()
        .before([this](atrium::Transaction& tx, const atrium::Principal&, Entry& now, const Entry* before) {
          index_->remove(tx, *before);
          now.excerpt = excerpt_of(now.content);
          index_->add(tx, now);
        })
        .after([](atrium::Transaction& tx, const atrium::Principal&, Entry& now, const Entry*) {
          tx.exec("DELETE FROM knowledge_tags WHERE entry_id = ?", now.id);
          add_tags(tx, now);
        });
    entries.remove().before([this](atrium::Transaction& tx, const atrium::Principal&, Entry&, const Entry* before) {
      index_->remove(tx, *before);
    });

    tool<SearchArguments>(
        "knowledge_search",
        {.summary = "Search the company's knowledge; answers the best passages", .risk = atrium::Risk::reads},
        [this](atrium::ToolCall, SearchArguments arguments) -> Async<Json> {
          return search_for_agent(std::move(arguments));
        });

    every(std::chrono::milliseconds(500), [this] {
      do gauge("changes_waiting", index_->waiting());
      while (!cancellation().requested() && index_->merge());
    });
    every(std::chrono::seconds(1), [this] {
      if (!embedding_.exchange(true)) spawn(embed());
    });
  }

 private:
  void declare_lists() {
    entries_.filter("category")
        .narrow([](const atrium::Request& request, atrium::Parameters& parameters) -> std::string {
          const auto tag = request.query("tag");
          if (!tag) return "1 = 1";
          parameters.own_text(std::string(*tag));
          return "EXISTS (SELECT 1 FROM knowledge_tags WHERE entry_id = knowledge.id AND tag = ?)";
        });
    auto options = entries_.described("Knowledge");
    options.summary = "List, newest first, or search, best first";
    options.description =
        "With `search`: words that must all occur (or one of them, with `match=any`), in any form of an English word; "
        "\"a phrase\" in quotes; `-word` or `-\"a phrase\"` must not occur. Each item then has its `score`, its best "
        "`passage`, and `highlights` in pieces of plain text. With an embedding provider, entries that are near in "
        "meaning are found as well, unless the query has phrases or exclusions.";
    options.runs = atrium::Runs::pool;
    options.query.push_back(atrium::query_parameter("tag", "Only those with this tag"));
    options.query.push_back(atrium::query_parameter("search", "What to look for"));
    options.query.push_back(
        atrium::query_parameter("match", "Whether all words must occur, or any",
                                {{"type", "string"}, {"enum", {"all", "any"}}, {"default", "all"}}));
    auto& item = options.answer["properties"]["items"]["items"]["properties"];
    item["score"] = {{"type", "number"}};
    item["passage"] = {{"type", "string"}};
    const Json part{{"type", "object"},
                    {"required", {"text", "match"}},
                    {"properties", {{"text", {{"type", "string"}}}, {"match", {{"type", "boolean"}}}}}};
    item["highlights"] = {
        {"type", "array"},
        {"items",
         {{"type", "object"},
          {"required", {"member", "parts"}},
          {"properties", {{"member", {{"type", "string"}}}, {"parts", {{"type", "array"}, {"items", part}}}}}}}};
    get("/knowledge", options, [this](atrium::Request& request) -> Async<atrium::Reply> {
      if (!request.query("search")) co_return entries_.answer(store(), request);
      auto searching = answer_search(request);
      co_return co_await searching;
    });

    get("/knowledge/categories",
        {.summary = "The categories in use, by name, with how many entries each has",
         .runs = atrium::Runs::fast_read,
         .query = Json::array(
             {atrium::query_parameter("limit", "How many at most",
                                      {{"type", "integer"}, {"minimum", 1}, {"maximum", 200}}),
              atrium::query_parameter("offset", "How many to skip", {{"type", "integer"}, {"minimum", 0}})}),
         .answer = {{"type", "object"}},
         .tag = "Knowledge"},
        [this](atrium::Request& request) { return categories(request); });
  }

  static void add_tags(atrium::Transaction& tx, const Entry& entry) {
    for (const auto& tag : entry.tags)
      tx.exec("INSERT INTO knowledge_tags (entry_id, tag) VALUES (?, ?) ON CONFLICT DO NOTHING", entry.id, tag);
  }

  /// A page of search results: its cursor is the offset of the next one.
  Async<atrium::Reply> answer_search(const atrium::Request& request) const {
    atrium::Page page;
    page.limit = request.number("limit", atrium::Page::default_limit, 1, atrium::Page::max_limit);
    page.offset = offset_of(request);
    const auto match = request.query("match").value_or("all");
    if (match != "all" && match != "any") throw atrium::invalid("?match", "must be one of: all, any");
    Request wanted{
        .text = std::string(*request.query("search")), .filter = filter_of(request), .every = match == "all"};
    wanted.limit = page.limit;
    wanted.offset = page.offset;
    auto searching = search_->run(std::move(wanted));
    const auto results = co_await searching;
    page.total = results.total;
    for (const auto& found : results.page) add(page, found);
    if (page.offset + page.limit < page.total)
      page.next_cursor = atrium::detail::encode_cursor({std::to_string(page.offset + page.limit)});
    co_return page.reply(request);
  }
  static std::int64_t offset_of(const atrium::Request& request) {
    const auto cursor = request.query("cursor");
    if (!cursor) return request.number("offset", 0, 0, atrium::Page::max_offset);
    const auto values = atrium::detail::decode_cursor(*cursor, 1);
    std::int64_t offset = -1;
    if (values) std::from_chars(values->front().data(), values->front().data() + values->front().size(), offset);
    if (offset < 0 || offset > atrium::Page::max_offset)
      throw atrium::invalid("?cursor", "is not a cursor of this list");
    return offset;
  }
  static Filter filter_of(const atrium::Request& request) {
    Filter filter;
    if (const auto category = request.query("category")) filter.category = *category;
    if (const auto tag = request.query("tag")) filter.tag = *tag;
    return filter;
  }

  static Json shown(const Found& found) {
    const auto& entry = found.entry;
    const Summary summary{entry.id,   entry.title,      entry.excerpt,    entry.category, entry.source,
                          entry.tags, entry.created_at, entry.updated_at, entry.revision};
    Json json = Json::parse(atrium::to_json(summary));
    json["score"] = found.score;
    json["passage"] = found.passage();
    return json;
  }
  static void add(atrium::Page& page, const Found& found) {
    Json json = shown(found);
    json["highlights"] = found.highlights();
    if (page.count++) page.items += ',';
    page.items += atrium::dump(json);
  }

  /// All of the words, else any of them: an agent asks in sentences.
  Async<Json> search_for_agent(SearchArguments arguments) const {
    Request request{
        .text = arguments.query, .filter = {arguments.category, {}}, .every = true, .limit = arguments.limit};
    auto searching = search_->run(request);
    auto results = co_await searching;
    if (results.page.empty()) {
      request.every = false;
      auto again = search_->run(request);
      results = co_await again;
    }
    Json json{{"total", results.total}, {"items", Json::array()}};
    for (const auto& found : results.page) json["items"].push_back(shown(found));
    co_return json;
  }

  atrium::Reply categories(const atrium::Request& request) const {
    atrium::Page page;
    page.limit = request.number("limit", atrium::Page::default_limit, 1, atrium::Page::max_limit);
    page.offset = request.number("offset", 0, 0, atrium::Page::max_offset);
    page.total = store().value<std::int64_t>("SELECT count(DISTINCT category) FROM knowledge").value_or(0);
    store().query(
        "SELECT category, count(*) FROM knowledge WHERE category IS NOT NULL GROUP BY category ORDER BY category "
        "LIMIT ? OFFSET ?",
        [&](const atrium::Row& row) {
          if (page.count++) page.items += ',';
          page.items += atrium::dump({{"category", row.text(0)}, {"entries", row.integer(1)}});
        },
        page.limit, page.offset);
    return page.reply(request);
  }

  /// Until every passage has a vector, or the provider fails; then again a little later.
  Async<void> embed() {
    try {
      if (const auto provider = meaning_->provider(); provider && atrium::Time::now() >= not_before_) {
        for (bool more = true; more && !cancellation().requested();) {
          auto embedding = meaning_->embed_some(*provider);
          more = co_await embedding;
        }
        meaning_->catch_up(*provider);
        report(meaning_->coverage(*provider));
      }
    } catch (const std::exception& error) {
      not_before_ = atrium::Time::now() + std::chrono::seconds(15);
      if (!cancellation().requested())
        host().log(atrium::Level::warning, "Passages wait for their vectors", {{"error", error.what()}});
    }
    embedding_ = false;
  }

  void gauge(std::string_view name, std::int64_t value) const {
    metrics().set(name, static_cast<double>(value));
  }
  void report(const Coverage& coverage) {
    gauge("vectors", coverage.in_memory);
    gauge("vectors_from_database", coverage.from_database);
    gauge("vectors_left_out", coverage.left_out);
    if (!said_full_.exchange(coverage.from_database > 0) && coverage.from_database > 0)
      host().log(atrium::Level::warning,
                 "vector_memory_mb is full: each search reads further vectors from the database",
                 {{"in_memory", coverage.in_memory}, {"from_database", coverage.from_database}});
    if (!said_left_out_.exchange(coverage.left_out > 0) && coverage.left_out > 0)
      host().log(atrium::Level::warning, "Passages are found by their words alone: raise vector_memory_mb",
                 {{"passages", coverage.left_out}});
  }

  std::optional<Index> index_;
  std::optional<Meaning> meaning_;
  std::optional<Search> search_;
  atrium::ListRoute<Summary> entries_;
  std::atomic<bool> embedding_{false}, said_full_{false}, said_left_out_{false};
  atrium::Time not_before_;
};

}  // namespace knowledge

ATRIUM_PLUGIN(knowledge::Knowledge)
