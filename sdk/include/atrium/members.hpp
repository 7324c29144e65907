#pragma once
// The one description of a resource: parsing with every fault at once, JSON, SQL columns and the OpenAPI schema read
// it.
//
//   struct Note {
//     atrium::Id id;
//     std::string title;
//     static constexpr auto members = atrium::members(
//         atrium::member("id", &Note::id).read_only(),
//         atrium::member("title", &Note::title).length(1, 200).required());
//   };
#include <atrium/codec.hpp>
#include <atrium/problem.hpp>

#include <tuple>

namespace atrium {

template <class T, class M>
struct Member {
  std::string_view name;
  M T::*field;
  Bounds bounds{};
  bool is_read_only = false, is_required = false, is_hidden = false, is_stored = true, is_ranked = false;
  bool is_once = false, is_secret = false;
  std::string_view text{}, validity{};
  bool (*is_valid)(const M&) = nullptr;

  using Value = M;

  /// Shown, never taken: a client that sends it is not refused, its value is ignored.
  constexpr Member read_only() const {
    return with([](Member& m) { m.is_read_only = true; });
  }
  /// Must be present, and not null, when the resource is made.
  constexpr Member required() const {
    return with([](Member& m) { m.is_required = true; });
  }
  /// A column, but never in JSON.
  constexpr Member hidden() const {
    return with([](Member& m) { m.is_hidden = m.is_read_only = true; });
  }
  /// A secret of the resource's own: taken when it is made, shown in the answer that made it and never again, no
  /// column.
  constexpr Member once() const {
    return with([](Member& m) { m.is_once = true, m.is_stored = false; });
  }
  /// A secret of somebody's, in a configuration: its schema says `writeOnly`, by which whoever keeps the configuration
  /// knows what to keep in the vault and to mask.
  constexpr Member secret() const {
    return with([](Member& m) { m.is_secret = true; });
  }
  /// In JSON, but no column.
  constexpr Member not_stored() const {
    return with([](Member& m) { m.is_stored = false; });
  }
  /// An enum kept in its column as its position, so that SQL can order by it.
  constexpr Member ranked() const {
    return with([](Member& m) { m.is_ranked = true; });
  }
  constexpr Member length(std::int64_t least, std::int64_t most) const {
    return with([&](Member& m) { m.bounds.min_length = least, m.bounds.max_length = most; });
  }
  constexpr Member range(double least, double most) const {
    return with([&](Member& m) { m.bounds.min = least, m.bounds.max = most; });
  }
  constexpr Member items(std::int64_t least, std::int64_t most) const {
    return with([&](Member& m) { m.bounds.min_items = least, m.bounds.max_items = most; });
  }
  /// A rule of the member's own; `what` completes "must ...".
  constexpr Member valid_if(bool (*rule)(const M&), std::string_view what) const {
    return with([&](Member& m) { m.is_valid = rule, m.validity = what; });
  }
  constexpr Member format(std::string_view hint) const {
    return with([&](Member& m) { m.bounds.pattern_hint = hint; });
  }
  constexpr Member description(std::string_view words) const {
    return with([&](Member& m) { m.text = words; });
  }

 private:
  template <class F>
  constexpr Member with(F change) const {
    Member copy = *this;
    change(copy);
    return copy;
  }
};

template <class T, class M>
constexpr Member<T, M> member(std::string_view name, M T::*field) {
  return {.name = name, .field = field};
}
template <class... Ms>
constexpr auto members(Ms... list) {
  return std::tuple<Ms...>(list...);
}

template <class T>
concept Described = requires {
  T::members;
};

template <Described T, class F>
constexpr void for_each_member(F&& visit) {
  std::apply([&](const auto&... m) { (visit(m), ...); }, T::members);
}

enum class Showing : std::uint8_t {
  usual,
  made  ///< with the members that are shown once
};

/// Appends the resource as a JSON object, straight to text.
template <Described T>
void write_json(std::string& out, const T& value, Showing showing = Showing::usual) {
  out += '{';
  bool first = true;
  for_each_member<T>([&](const auto& m) {
    if (m.is_hidden || (m.is_once && showing == Showing::usual)) return;
    if (!first) out += ',';
    first = false;
    out.append("\"").append(m.name).append("\":");
    Codec<std::remove_cvref_t<decltype(value.*m.field)>>::write(out, value.*m.field);
  });
  out += '}';
}
template <Described T>
std::string to_json(const T& value, Showing showing = Showing::usual) {
  std::string out;
  out.reserve(512);
  write_json(out, value, showing);
  return out;
}

enum class Reading : std::uint8_t {
  whole,   ///< absent members keep their defaults, required ones must be there
  partial  ///< absent members stay; null puts a member back to its default (RFC 7396)
};

/// Reads an object into `value`, adding every fault.
template <Described T>
bool read_json(const Json& json, T& value, Reading reading, const FaultSink& faults) {
  if (!json.is_object()) return faults.refuse("must be a JSON object");
  bool good = true;
  for_each_member<T>([&](const auto& m) {
    if (m.is_hidden || m.is_read_only) return;
    using M = typename std::remove_cvref_t<decltype(m)>::Value;
    const auto at = faults.member(m.name);
    const auto found = json.find(m.name);
    if (found == json.end()) {
      if (m.is_required && reading == Reading::whole) good = at.refuse("is required");
    } else if (found->is_null() && !std::same_as<M, Json>) {
      if (m.is_required)
        good = at.refuse("must not be null");
      else
        value.*m.field = T{}.*m.field;
    } else if (!Codec<M>::read(*found, value.*m.field, m.bounds, at)) {
      good = false;
    } else if (m.is_valid && !m.is_valid(value.*m.field)) {
      good = at.refuse(std::string(m.validity));
    }
  });
  if (faults.ignores_unknown()) return good;
  for (const auto& [key, unused] : json.items()) {
    bool known = false;
    for_each_member<T>([&](const auto& m) { known = known || (m.name == key && !m.is_hidden); });
    if (!known) good = faults.member(key).refuse("is not known here");
  }
  return good;
}
template <Described T>
void read_json(const Json& json, T& value, Reading reading, std::vector<Fault>& faults) {
  read_json(json, value, reading, FaultSink(faults));
}

/// A described object inside another: a member of such a type is read, shown and stored as one JSON value.
template <Described T>
struct Codec<T> {
  static void write(std::string& out, const T& value) { write_json(out, value); }
  static bool read(const Json& json, T& out, const Bounds&, const FaultSink& faults) {
    T value{};
    if (!read_json(json, value, Reading::whole, faults)) return false;
    out = std::move(value);
    return true;
  }
  static Json schema(const Bounds&);
  static void bind(Parameters& to, const T& value) { to.own_text(to_json(value)); }
  static void load(std::string_view column, T& value) {
    std::vector<Fault> unread;
    read(Json::parse(column, nullptr, false), value, {}, FaultSink(unread));
  }
};

/// Parses a body; throws the 400 or 422 that it deserves.
inline Json parse_object(std::string_view body) {
  Json json = Json::parse(body, nullptr, false);
  if (json.is_discarded()) throw bad_request("The body is not valid JSON in UTF-8.");
  return json;
}
template <Described T>
T parse(std::string_view body, T value = {}, Reading reading = Reading::whole) {
  std::vector<Fault> faults;
  read_json(parse_object(body), value, reading, faults);
  if (!faults.empty()) throw invalid(std::move(faults));
  return value;
}
/// The same from JSON that is parsed already, such as a configuration: what nobody declared is refused.
template <Described T>
T from_json(const Json& json, FaultSink::Unknown unknown = FaultSink::Unknown::refused, std::string_view root = {}) {
  std::vector<Fault> faults;
  T value{};
  read_json(json, value, Reading::whole, FaultSink(faults, root, unknown));
  if (!faults.empty()) throw invalid(std::move(faults));
  return value;
}
/// A message of a service. Its other side may be newer and say more: what is not declared here is ignored.
template <Described T>
T from_message(const Json& json) {
  return from_json<T>(json, FaultSink::Unknown::ignored);
}
template <Described T>
Json as_json(const T& value) {
  return Json::parse(to_json(value));
}

/// JSON schema of the whole resource, or of what a client may send.
template <Described T>
Json schema(bool input = false, Showing showing = Showing::usual) {
  Json properties = Json::object(), required = Json::array();
  const T defaults{};
  for_each_member<T>([&](const auto& m) {
    if (m.is_hidden || (input && m.is_read_only) || (m.is_once && !input && showing == Showing::usual)) return;
    using M = typename std::remove_cvref_t<decltype(m)>::Value;
    Json property = Codec<M>::schema(m.bounds);
    if (m.is_read_only) property["readOnly"] = true;
    if (m.is_secret) property["writeOnly"] = true;
    if (!m.text.empty()) property["description"] = m.text;
    if (!m.is_read_only && !m.is_required) {
      std::string text;
      Codec<M>::write(text, defaults.*m.field);
      if (text != "null") property["default"] = Json::parse(text);
    }
    if (input ? m.is_required : true) required.push_back(m.name);
    properties[std::string(m.name)] = std::move(property);
  });
  Json out{{"type", "object"}, {"properties", std::move(properties)}};
  if (!required.empty()) out["required"] = std::move(required);
  return out;
}
template <Described T>
Json Codec<T>::schema(const Bounds&) {
  return atrium::schema<T>();
}

/// The columns in order of the members: "id, title, ...".
template <Described T>
const std::string& columns() {
  static const std::string list = [] {
    std::string out;
    for_each_member<T>([&](const auto& m) {
      if (m.is_stored) out.append(out.empty() ? "" : ", ").append(m.name);
    });
    return out;
  }();
  return list;
}
template <Described T>
void bind_columns(Parameters& to, const T& value) {
  for_each_member<T>([&](const auto& m) {
    if (!m.is_stored) return;
    using M = typename std::remove_cvref_t<decltype(m)>::Value;
    if constexpr (std::is_enum_v<M>) {
      if (m.is_ranked) return to.integer(static_cast<std::int64_t>(value.*m.field));
    }
    Codec<M>::bind(to, value.*m.field);
  });
}
/// From a row that selected columns<T>().
template <Described T>
T load_columns(const atrium_value* row) {
  T value{};
  std::size_t at = 0;
  for_each_member<T>([&](const auto& m) {
    if (!m.is_stored) return;
    const atrium_value& column = row[at++];
    if (column.type == ATRIUM_NULL) return;
    using M = typename std::remove_cvref_t<decltype(m)>::Value;
    if constexpr (std::is_enum_v<M>) {
      if (m.is_ranked) return void(value.*m.field = static_cast<M>(detail::number_from<int>(text_of(column.as.s))));
    }
    Codec<M>::load(text_of(column.as.s), value.*m.field);
  });
  return value;
}

}  // namespace atrium
