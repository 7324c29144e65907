#pragma once
// The usual five routes of a stored resource, from its one description.
#include <atrium/http.hpp>
#include <atrium/store.hpp>

#include <deque>

namespace atrium {

/// One page of a list, written straight to text.
struct Page {
  std::string items = "[";
  std::int64_t count = 0, total = 0, limit = 50, offset = 0;
  std::string next_cursor;

  template <Described T>
  void add(const T& value) {
    if (count++) items += ',';
    write_json(items, value);
  }
  /// With the request's `limit` and `offset`; throws the 422 where they are out of bounds.
  static Page of(const Request& request) {
    Page page;
    page.limit = request.number("limit", default_limit, 1, max_limit);
    page.offset = request.number("offset", 0, 0, max_offset);
    return page;
  }
  Reply reply(const Request& request) const;

  static constexpr std::int64_t default_limit = 50, max_limit = 200, max_offset = 1'000'000'000;

  /// What the description says of every list's query.
  static Json parameters() {
    return Json::array(
        {query_parameter("limit", "How many at most",
                         {{"type", "integer"}, {"minimum", 1}, {"maximum", max_limit}, {"default", default_limit}}),
         query_parameter("offset", "How many to skip", {{"type", "integer"}, {"minimum", 0}, {"default", 0}}),
         query_parameter("cursor", "Go on after next_cursor of the page before")});
  }
  /// Of a page of such items.
  static Json schema(Json item) {
    return {{"type", "object"},
            {"required", {"items", "total", "limit", "offset", "next_cursor"}},
            {"properties",
             {{"items", {{"type", "array"}, {"items", std::move(item)}}},
              {"total", {{"type", "integer"}}},
              {"limit", {{"type", "integer"}}},
              {"offset", {{"type", "integer"}}},
              {"next_cursor", {{"type", {"string", "null"}}}}}}};
  }
};

namespace detail {

inline std::string with_parameter(std::string_view target, std::string_view name, std::string_view value,
                                  std::string_view without) {
  const auto mark = target.find('?');
  std::string out(target.substr(0, mark));
  char glue = '?';
  std::string_view rest = mark == target.npos ? std::string_view{} : target.substr(mark + 1);
  while (!rest.empty()) {
    const auto end = rest.find('&');
    const auto pair = rest.substr(0, end);
    rest = end == rest.npos ? std::string_view{} : rest.substr(end + 1);
    const auto key = pair.substr(0, pair.find('='));
    if (key == name || key == without || pair.empty()) continue;
    out.append(1, glue).append(pair);
    glue = '&';
  }
  return out.append(1, glue).append(name).append("=").append(value);
}

/// A cursor is the order columns of the last item, as hexadecimal of "value\x1fvalue".
inline std::string encode_cursor(const std::vector<std::string>& values) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i) out += "1f";
    for (const unsigned char c : values[i]) out.append(1, digits[c >> 4]).append(1, digits[c & 0xf]);
  }
  return out;
}
inline std::optional<std::vector<std::string>> decode_cursor(std::string_view text, std::size_t parts) {
  const auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; };
  if (text.empty() || text.size() % 2 || text.size() > 1024) return std::nullopt;
  std::vector<std::string> values(1);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    if (digit(text[i]) < 0 || digit(text[i + 1]) < 0) return std::nullopt;
    const auto c = static_cast<char>(digit(text[i]) * 16 + digit(text[i + 1]));
    if (c == '\0') return std::nullopt;
    if (c == '\x1f')
      values.emplace_back();
    else
      values.back() += c;
  }
  if (values.size() != parts) return std::nullopt;
  return values;
}

/// A member's text from a query as a parameter.
template <class M>
bool bind_query(Parameters& to, std::string_view text, bool ranked, const FaultSink& faults) {
  using V = std::remove_cvref_t<decltype([] {
    if constexpr (requires { typename M::value_type; } && !std::same_as<M, std::string> && !std::same_as<M, Json>)
      return typename M::value_type{};
    else
      return M{};
  }())>;
  V value{};
  Json json = text;
  if constexpr (std::same_as<V, bool>)
    json = text == "true" ? Json(true) : text == "false" ? Json(false) : Json(text);
  else if constexpr (std::is_arithmetic_v<V>)
    json = Json::parse(text, nullptr, false);
  if (!Codec<V>::read(json, value, Bounds{}, faults)) return false;
  if constexpr (std::is_enum_v<V>) {
    if (ranked) return to.integer(static_cast<std::int64_t>(value)), true;
    to.text(name_of(value));
  } else if constexpr (std::same_as<V, bool>) {
    to.boolean(value);
  } else if constexpr (std::is_arithmetic_v<V> || std::same_as<V, Time> || std::same_as<V, Money>) {
    Codec<V>::bind(to, value);
  } else {
    to.own_text(std::string(text));
  }
  return true;
}

}  // namespace detail

inline Reply Page::reply(const Request& request) const {
  Reply reply;
  reply.body.reserve(items.size() + 128);
  reply.body.append("{\"items\":").append(items).append("],\"total\":").append(std::to_string(total));
  reply.body.append(",\"limit\":").append(std::to_string(limit)).append(",\"offset\":").append(std::to_string(offset));
  reply.body.append(",\"next_cursor\":").append(next_cursor.empty() ? "null" : '"' + next_cursor + '"').append("}");
  std::string links;
  if (!next_cursor.empty())
    links.append("<")
        .append(detail::with_parameter(request.target(), "cursor", next_cursor, "offset"))
        .append(">; rel=\"next\"");
  if (offset > 0) {
    const auto back = std::to_string(offset > limit ? offset - limit : 0);
    links.append(links.empty() ? "" : ", ")
        .append("<")
        .append(detail::with_parameter(request.target(), "offset", back, "cursor"))
        .append(">; rel=\"prev\"");
  }
  if (!links.empty()) reply.headers.emplace_back("link", links);
  return reply;
}

/// GET of a collection. Options are set in start(); the route is registered when it ends.
template <Stored T>
class ListRoute {
 public:
  /// `?parameter=` keeps items whose member equals it; the parameter has the member's name unless another is given.
  ListRoute& filter(std::string_view member, std::string_view parameter = {}) {
    filters_.push_back({parameter.empty() ? member : parameter, {member}});
    return *this;
  }
  /// `?parameter=` keeps items of which one of these members, all of one type, equals it.
  template <class... Names>
  ListRoute& filter_any(std::string_view parameter, Names... members) {
    filters_.push_back({parameter, {std::string_view(members)...}});
    return *this;
  }
  /// `?search=` keeps items in one of whose members the words occur, in any case.
  template <class... Names>
  ListRoute& search(Names... members) {
    searched_ = {std::string_view(members)...};
    return *this;
  }
  /// The order, most significant first: "priority desc". The id comes last by itself. Default: newest first.
  template <class... Columns>
  ListRoute& order(Columns... columns) {
    order_ = {std::string_view(columns)...};
    return *this;
  }
  /// A condition on every item, of the plugin's own making.
  ListRoute& where(std::string_view condition) { return condition_ = condition, *this; }
  /// One that depends on the request: answers the condition, adds its parameters, throws what the request deserves.
  ListRoute& narrow(std::function<std::string(const Request&, Parameters&)> condition) {
    return narrow_ = std::move(condition), *this;
  }

  ListRoute& options(std::function<void(RouteOptions&)> change) { return adapt_ = std::move(change), *this; }

  RouteOptions described(std::string_view tag) const {
    RouteOptions options{.summary = "List, newest first", .runs = Runs::fast_read, .tag = tag};
    if (!order_.empty()) options.summary = "List in order";
    options.query = Page::parameters();
    for (const auto& filter : filters_)
      for_each_member<T>([&](const auto& m) {
        using M = typename std::remove_cvref_t<decltype(m)>::Value;
        if (m.name != filter.members.front()) return;
        Json schema = Codec<M>::schema(m.bounds);
        if (schema.contains("type") && schema["type"].is_array()) schema["type"] = schema["type"][0];
        if (schema.contains("enum") && schema["enum"].back().is_null()) schema["enum"].erase(schema["enum"].size() - 1);
        options.query.push_back(
            query_parameter(filter.parameter, "Only those whose " + filter.named() + " is this", schema));
      });
    if (!searched_.empty()) options.query.push_back(query_parameter("search", "Only those that contain these words"));
    options.answer = Page::schema(schema<T>());
    if (adapt_) adapt_(options);
    return options;
  }

  Reply answer(const Store& store, const Request& request) const {
    Page page = Page::of(request);
    Parameters parameters;
    std::string where = conditions(request, parameters);
    std::string sql = "SELECT count(*) FROM ";
    sql.append(T::table).append(where);
    store.run(sql, parameters, [&](const Row& row) { page.total = row.integer(0); });

    const auto keys = order_columns();
    if (const auto cursor = request.query("cursor")) where += after_cursor(*cursor, keys, parameters);
    sql = "SELECT " + columns<T>() + order_selection(keys) + " FROM ";
    sql.append(T::table).append(where).append(" ORDER BY ");
    for (std::size_t i = 0; i < keys.size(); ++i)
      sql.append(i ? ", " : "").append(keys[i].column).append(keys[i].descending ? " DESC" : " ASC");
    sql += " LIMIT ? OFFSET ?";
    parameters.integer(page.limit + 1);
    parameters.integer(page.offset);
    std::vector<std::string> last;
    bool more = false;
    store.run(sql, parameters, [&](const Row& row) {
      if (page.count == page.limit) return void(more = true);
      page.add(row.as<T>());
      last.clear();
      for (std::size_t i = 0; i < keys.size(); ++i) last.emplace_back(row.text(row.size() - keys.size() + i));
    });
    if (more) page.next_cursor = detail::encode_cursor(last);
    return page.reply(request);
  }

 private:
  struct Filter {
    std::string_view parameter;
    std::vector<std::string_view> members;
    std::string named() const {
      std::string out;
      for (const auto member : members) out.append(out.empty() ? "" : " or ").append(member);
      return out;
    }
  };
  struct Key {
    std::string_view column;
    bool descending;
  };

  std::vector<Key> order_columns() const {
    std::vector<Key> keys;
    for (const auto column : order_) {
      const auto space = column.find(' ');
      keys.push_back({column.substr(0, space), space != column.npos && column.substr(space + 1) == "desc"});
    }
    keys.push_back({"id", order_.empty()});
    return keys;
  }
  static std::string order_selection(const std::vector<Key>& keys) {
    std::string out;
    for (const auto& key : keys) out.append(", ").append(key.column);
    return out;
  }
  /// (a, b) after (x, y): a > x OR (a = x AND b > y), by each column's direction.
  static std::string after_cursor(std::string_view cursor, const std::vector<Key>& keys, Parameters& parameters) {
    const auto values = detail::decode_cursor(cursor, keys.size());
    if (!values) throw invalid("?cursor", "is not a cursor of this list");
    std::string sql = " AND (";
    for (std::size_t i = 0; i < keys.size(); ++i) {
      sql += i ? " OR (" : "(";
      for (std::size_t j = 0; j <= i; ++j) {
        sql.append(j ? " AND " : "").append(keys[j].column);
        sql.append(j < i ? " = ?" : keys[j].descending ? " < ?" : " > ?");
        std::int64_t number = 0;
        const auto& text = (*values)[j];
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (keys[j].column != "id" && error == std::errc() && end == text.data() + text.size())
          parameters.integer(number);
        else
          parameters.own_text(text);
      }
      sql += ')';
    }
    return sql += ')';
  }
  std::string conditions(const Request& request, Parameters& parameters) const {
    std::string where = " WHERE 1 = 1";
    if constexpr (SoftDeleted<T>) where += " AND deleted_at IS NULL";
    if (!condition_.empty()) where.append(" AND ").append(condition_);
    if (narrow_) where.append(" AND (").append(narrow_(request, parameters)).append(")");
    if constexpr (Private<T>) {
      where += detail::owner_condition<T>;
      detail::bind_owner<T>(parameters, request.principal());
    }
    std::vector<Fault> faults;
    for (const auto& filter : filters_) {
      const auto text = request.query(filter.parameter);
      if (!text) continue;
      const std::string root = "?" + std::string(filter.parameter);
      std::string either;
      bool fits = true;
      for (const auto member : filter.members) {
        either.append(either.empty() ? "" : " OR ").append(member).append(" = ?");
        for_each_member<T>([&](const auto& m) {
          using M = typename std::remove_cvref_t<decltype(m)>::Value;
          if constexpr (!Described<M> && !std::same_as<M, Json>) {
            if (m.name == member && fits)
              fits = detail::bind_query<M>(parameters, *text, m.is_ranked, FaultSink(faults, root));
          }
        });
      }
      where.append(" AND (").append(either).append(")");
    }
    if (const auto words = request.query("search"); words && !searched_.empty()) {
      std::string pattern = "%";
      for (const char c : *words) {
        if (c == '%' || c == '_' || c == '\\') pattern += '\\';
        pattern += c;
      }
      pattern += '%';
      for (std::size_t i = 0; i < searched_.size(); ++i) {
        where.append(i ? " OR " : " AND (").append("lower(").append(searched_[i]).append(") LIKE lower(?) ESCAPE '\\'");
        parameters.own_text(pattern);
      }
      where += ')';
    }
    if (!faults.empty()) throw invalid(std::move(faults));
    return where;
  }

  std::vector<Filter> filters_;
  std::vector<std::string_view> searched_, order_;
  std::string_view condition_;
  std::function<std::string(const Request&, Parameters&)> narrow_;
  std::function<void(RouteOptions&)> adapt_;
};

/// POST, PATCH, PUT or DELETE of a resource: what the plugin adds to the usual. `before` is null when it is being made.
template <Stored T>
class ChangeRoute {
 public:
  using Check = std::function<void(const Request&, T& now, const T* before, std::vector<Fault>&)>;
  using Hook = std::function<void(Transaction&, const Principal& who, T& now, const T* before)>;

  /// Before anything is written, outside the transaction; may look at the store and at services. Adds faults (422) or
  /// throws.
  ChangeRoute& check(Check function) { return check_ = std::move(function), *this; }
  /// Inside the transaction, just before the row is written.
  ChangeRoute& before(Hook function) { return before_ = std::move(function), *this; }
  /// Inside the transaction, after the row is written and before its event.
  ChangeRoute& after(Hook function) { return after_ = std::move(function), *this; }
  /// The event's type, where it is not "<event>.created|updated|deleted".
  ChangeRoute& topic(std::function<std::string(const T&)> function) { return topic_ = std::move(function), *this; }
  /// The audit row alone, no event: for what not every member may hear of.
  ChangeRoute& unannounced() { return announced_ = false, *this; }
  ChangeRoute& options(std::function<void(RouteOptions&)> change) { return adapt_ = std::move(change), *this; }

 private:
  friend class Plugin;
  void adapt(RouteOptions& options) const {
    if (adapt_) adapt_(options);
  }
  void before(Transaction& tx, const Principal& who, T& now, const T* before) const {
    if (before_) before_(tx, who, now, before);
  }
  void after(Transaction& tx, const Principal& who, T& now, const T* before, std::string_view verb) const {
    if (after_) after_(tx, who, now, before);
    const auto topic = topic_ ? topic_(now) : std::string(T::event).append(".").append(verb);
    if (announced_)
      tx.publish(topic, now);
    else
      tx.audit(topic, T::event, now.id.text());
  }
  Check check_;
  Hook before_, after_;
  std::function<std::string(const T&)> topic_;
  std::function<void(RouteOptions&)> adapt_;
  bool announced_ = true;
};

/// Honours If-Match against the revision; 412 when it is stale.
template <class T>
void require_match(std::string_view if_match, const T& value) {
  if constexpr (Revised<T>) {
    if (if_match.empty() || if_match == "*") return;
    const std::string tag = '"' + std::to_string(value.revision) + '"';
    std::string_view rest = if_match;
    while (!rest.empty()) {
      const auto comma = rest.find(',');
      auto item = rest.substr(0, comma);
      while (!item.empty() && item.front() == ' ') item.remove_prefix(1);
      while (!item.empty() && item.back() == ' ') item.remove_suffix(1);
      if (item == tag) return;
      rest = comma == rest.npos ? std::string_view{} : rest.substr(comma + 1);
    }
    throw stale();
  }
}

}  // namespace atrium
