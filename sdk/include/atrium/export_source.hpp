#pragma once
// The face of the service kind "export.source": rows for whoever writes them to a file.
// docs/extension-kinds/export-source.md
#include <atrium/configuration.hpp>

namespace atrium::exports {

inline constexpr std::string_view source_kind = "export.source";

enum class ColumnType : std::uint8_t { text, integer, number, boolean, time, money, json };
constexpr auto names_of(ColumnType) {
  return std::array<std::string_view, 7>{"text", "integer", "number", "boolean", "time", "money", "json"};
}

struct Column {
  std::string name{};
  ColumnType type = ColumnType::text;
  std::string description{};
  static constexpr auto members =
      atrium::members(member("name", &Column::name).length(1, 200).required(), member("type", &Column::type).required(),
                      member("description", &Column::description));
};

/// The metadata.
struct Source {
  std::string summary{};
  std::vector<Column> columns{};
  Json filter = Json::object();  ///< JSON schema of a request's filter
  static constexpr auto members =
      atrium::members(member("summary", &Source::summary), member("columns", &Source::columns).items(1, 500).required(),
                      member("filter", &Source::filter).length(0, 1 << 20));
};

/// One piece of an export. The reader asks for the next when it has written the last, so that nobody holds them all.
struct PageRequest {
  std::vector<std::string> columns{};  ///< empty: all
  Json filter = Json::object();
  std::string cursor{};  ///< of the page before; empty: from the beginning
  std::int64_t limit = 500;
  static constexpr auto members = atrium::members(
      member("columns", &PageRequest::columns).items(0, 500), member("filter", &PageRequest::filter).length(0, 65'536),
      member("cursor", &PageRequest::cursor).length(0, 2000), member("limit", &PageRequest::limit).range(1, 1000));
};
struct RowPage {
  std::vector<Json> rows{};  ///< each an array, in the order of the columns asked for
  std::string cursor{};      ///< empty: these were the last
  static constexpr auto members = atrium::members(member("rows", &RowPage::rows).items(0, 1000).length(0, 4 << 20),
                                                  member("cursor", &RowPage::cursor).length(0, 2000));
};

namespace detail {

template <class M>
struct Cell {
  static constexpr auto type = std::is_same_v<M, bool>       ? ColumnType::boolean
                               : std::is_integral_v<M>       ? ColumnType::integer
                               : std::is_floating_point_v<M> ? ColumnType::number
                               : std::is_same_v<M, Time>     ? ColumnType::time
                               : std::is_same_v<M, Money>    ? ColumnType::money
                               : std::is_same_v<M, std::string> || std::is_same_v<M, Id> || std::is_enum_v<M>
                                   ? ColumnType::text
                                   : ColumnType::json;
};
template <class M>
struct Cell<std::optional<M>> : Cell<M> {};

}  // namespace detail

/// The columns of a described record: what its JSON shows.
template <Described T>
std::vector<Column> columns_of() {
  std::vector<Column> columns{};
  for_each_member<T>([&](const auto& m) {
    if (m.is_hidden || m.is_once) return;
    using M = typename std::remove_cvref_t<decltype(m)>::Value;
    columns.push_back({std::string(m.name), detail::Cell<M>::type, std::string(m.text)});
  });
  return columns;
}

/// What a provider's function gets. call.principal() is who will see the rows: leave out what it may not see.
template <Described Filter>
struct Reading {
  Call call;
  PageRequest request;
  Filter filter;
};
template <Described T>
struct Records {
  std::vector<T> items{};
  std::string cursor{};  ///< empty: these were the last
};

/// In start(). read: Records<T>(const Reading<Filter>&), at most request.limit of them; or an Async of it.
template <Described T, Described Filter, class Read>
Provided& provide_source(Plugin& plugin, const std::string& name, std::string summary, Read read) {
  struct Chosen {
    std::vector<std::string> columns;
    Reading<Filter> reading;
  };
  const Source source{std::move(summary), columns_of<T>(), configuration_schema<Filter>()};
  const auto prepare = [](Call call) {
    auto request = call.arguments<PageRequest>();
    auto filter = from_json<Filter>(request.filter, FaultSink::Unknown::refused, "/filter");
    std::vector<std::string> chosen;
    for (const auto& column : columns_of<T>()) chosen.push_back(column.name);
    for (const auto& wanted : request.columns)
      if (std::find(chosen.begin(), chosen.end(), wanted) == chosen.end())
        throw invalid("/columns", "there is no column " + wanted);
    if (!request.columns.empty()) chosen = request.columns;
    return Chosen{std::move(chosen), {std::move(call), std::move(request), std::move(filter)}};
  };
  const auto page = [](const std::vector<std::string>& columns, const Records<T>& records) {
    RowPage page{{}, records.cursor};
    for (const auto& record : records.items) {
      const Json json = as_json(record);
      Json& row = page.rows.emplace_back(Json::array());
      for (const auto& column : columns) row.push_back(json.at(column));
    }
    return page;
  };
  auto& entry = plugin.provide(std::string(source_kind) + "/" + name, as_json(source));
  if constexpr (atrium::detail::is_async<std::invoke_result_t<Read&, Reading<Filter>>>) {
    return entry.on_typed("page", prepare, [read, page](Chosen chosen) -> Async<RowPage> {
      auto reading = read(std::move(chosen.reading));
      const Records<T> records = co_await reading;
      co_return page(chosen.columns, records);
    });
  } else {
    return entry.on_typed("page", prepare,
                          [read, page](const Chosen& chosen) { return page(chosen.columns, read(chosen.reading)); });
  }
}

/// The exporter's side. Awaitable; options.who is in whose name. Throws 503 where a row has not so many cells as
/// `width`.
inline Async<RowPage> read_page(const Services& services, std::string source, PageRequest request, std::size_t width,
                                CallOptions options = {}) {
  const Json arguments = as_json(request);
  auto calling = services.call(std::string(source_kind) + "/" + source, "page", arguments, std::move(options));
  const Json answer = co_await calling;
  auto page = from_message<RowPage>(answer);
  for (const auto& row : page.rows)
    if (!row.is_array() || row.size() != width)
      throw unavailable("The source " + source + " answered a row that does not fit its columns.");
  co_return page;
}

}  // namespace atrium::exports
