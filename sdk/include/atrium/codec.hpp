#pragma once
// How one value of a resource crosses: JSON in and out, an SQL column in and out, and its JSON schema.
#include <atrium/abi.h>
#include <atrium/problem.hpp>

#include <concepts>
#include <deque>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace atrium {

inline atrium_str view(std::string_view text) { return {text.data(), text.size()}; }
inline std::string_view text_of(atrium_str s) { return s.data ? std::string_view{s.data, s.len} : std::string_view{}; }

/// An enum whose values have names: `constexpr auto names_of(Color) { return std::array{"red"sv, "blue"sv}; }` beside
/// it.
template <class E>
concept NamedEnum = std::is_enum_v<E> && requires(E e) {
  names_of(e).size();
};

template <NamedEnum E>
constexpr std::string_view name_of(E value) {
  return names_of(E{})[static_cast<std::size_t>(value)];
}
template <NamedEnum E>
std::optional<E> enum_from(std::string_view name) {
  constexpr auto names = names_of(E{});
  for (std::size_t i = 0; i < names.size(); ++i)
    if (names[i] == name) return static_cast<E>(i);
  return std::nullopt;
}

/// Appends a JSON string; the text is UTF-8 already.
inline void write_json_string(std::string& out, std::string_view text) {
  out += '"';
  std::size_t clean = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text, clean, i - clean);
    clean = i + 1;
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default: {
        static constexpr char hex[] = "0123456789abcdef";
        out += "\\u00";
        out += hex[c >> 4];
        out += hex[c & 0xf];
      }
    }
  }
  out.append(text, clean);
  out += '"';
}

inline std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

/// SQL parameters for `?` in order. Text is borrowed from the caller unless it had to be made.
class Parameters {
 public:
  Parameters() = default;
  template <class... Ts>
  static Parameters of(const Ts&... values);

  void null() { values_.push_back({ATRIUM_NULL, 0, {.i = 0}}); }
  void integer(std::int64_t value) { values_.push_back({ATRIUM_INT, 0, {.i = value}}); }
  void boolean(bool value) { values_.push_back({ATRIUM_BOOL, 0, {.i = value}}); }
  void real(double value) {
    atrium_value v{ATRIUM_REAL, 0, {}};
    v.as.d = value;
    values_.push_back(v);
  }
  void text(std::string_view value) {
    atrium_value v{ATRIUM_TEXT, 0, {}};
    v.as.s = view(value);
    values_.push_back(v);
  }
  void own_text(std::string value) { text(made_.emplace_back(std::move(value))); }
  template <class T>
  void add(const T& value);

  const atrium_value* data() const { return values_.data(); }
  std::size_t size() const { return values_.size(); }

 private:
  std::vector<atrium_value> values_;
  std::deque<std::string> made_;
};

/// The limits that a member's declaration sets; a codec applies those that fit its kind.
struct Bounds {
  std::int64_t min_length = 0, max_length = 100'000;  ///< characters
  double min = std::numeric_limits<double>::lowest(), max = std::numeric_limits<double>::max();
  std::int64_t min_items = 0, max_items = 1'000;
  std::string_view pattern_hint;  ///< for the schema's "format"
};

template <class T>
struct Codec;

namespace detail {
inline std::int64_t characters(std::string_view utf8) {
  std::int64_t n = 0;
  for (const char c : utf8) n += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  return n;
}
inline bool has_nul(const Json& json) {
  if (json.is_string()) return json.get_ref<const std::string&>().find('\0') != std::string::npos;
  if (json.is_object()) {
    for (const auto& [key, value] : json.items())
      if (key.find('\0') != std::string::npos || has_nul(value)) return true;
  } else if (json.is_array()) {
    for (const auto& value : json)
      if (has_nul(value)) return true;
  }
  return false;
}
template <class N>
N number_from(std::string_view text) {
  N value{};
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}
inline void number_bounds(Json& schema, const Bounds& bounds) {
  if (bounds.min != std::numeric_limits<double>::lowest()) schema["minimum"] = bounds.min;
  if (bounds.max != std::numeric_limits<double>::max()) schema["maximum"] = bounds.max;
}
inline bool within(double value, const Bounds& bounds, const FaultSink& faults) {
  if (value >= bounds.min && value <= bounds.max) return true;
  const auto text = [](double bound) {
    return bound == static_cast<double>(static_cast<std::int64_t>(bound))
               ? std::to_string(static_cast<std::int64_t>(bound))
               : dump(bound);
  };
  std::string range;
  if (bounds.min != std::numeric_limits<double>::lowest()) range = "at least " + text(bounds.min);
  if (bounds.max != std::numeric_limits<double>::max())
    range += (range.empty() ? "at most " : " and at most ") + text(bounds.max);
  return faults.refuse("must be " + range);
}
}  // namespace detail

template <>
struct Codec<std::string> {
  static void write(std::string& out, const std::string& value) { write_json_string(out, value); }
  static bool read(const Json& json, std::string& out, const Bounds& bounds, const FaultSink& faults) {
    if (!json.is_string()) return faults.refuse("must be a string");
    const auto& text = json.get_ref<const std::string&>();
    if (text.find('\0') != std::string::npos) return faults.refuse("must not contain U+0000");
    const auto length = detail::characters(text);
    if (length < bounds.min_length || length > bounds.max_length) {
      return faults.refuse("must have " +
                           (bounds.min_length > 0 ? std::to_string(bounds.min_length) + " to " : "at most ") +
                           std::to_string(bounds.max_length) + " characters");
    }
    out = text;
    return true;
  }
  static Json schema(const Bounds& bounds) {
    Json schema{{"type", "string"}, {"maxLength", bounds.max_length}};
    if (bounds.min_length > 0) schema["minLength"] = bounds.min_length;
    if (!bounds.pattern_hint.empty()) schema["format"] = bounds.pattern_hint;
    return schema;
  }
  static void bind(Parameters& to, const std::string& value) { to.text(value); }
  static void load(std::string_view column, std::string& value) { value = column; }
};

template <>
struct Codec<std::string_view> {
  static void bind(Parameters& to, std::string_view value) { to.text(value); }
};

template <>
struct Codec<bool> {
  static void write(std::string& out, bool value) { out += value ? "true" : "false"; }
  static bool read(const Json& json, bool& out, const Bounds&, const FaultSink& faults) {
    if (!json.is_boolean()) return faults.refuse("must be true or false");
    out = json.get<bool>();
    return true;
  }
  static Json schema(const Bounds&) { return {{"type", "boolean"}}; }
  static void bind(Parameters& to, bool value) { to.boolean(value); }
  static void load(std::string_view column, bool& value) { value = column == "1" || column == "t" || column == "true"; }
};

template <std::integral N>
requires(!std::same_as<N, bool>) struct Codec<N> {
  static void write(std::string& out, N value) { out += std::to_string(value); }
  static bool read(const Json& json, N& out, const Bounds& bounds, const FaultSink& faults) {
    if (!json.is_number_integer()) return faults.refuse("must be an integer");
    const bool fits = json.is_number_unsigned() ? std::in_range<N>(json.get<std::uint64_t>())
                                                : std::in_range<N>(json.get<std::int64_t>());
    if (!fits) return faults.refuse("is out of range");
    if (!detail::within(json.get<double>(), bounds, faults)) return false;
    out = json.get<N>();
    return true;
  }
  static Json schema(const Bounds& bounds) {
    Json schema{{"type", "integer"}};
    if (bounds.min != std::numeric_limits<double>::lowest()) schema["minimum"] = static_cast<std::int64_t>(bounds.min);
    if (bounds.max != std::numeric_limits<double>::max()) schema["maximum"] = static_cast<std::int64_t>(bounds.max);
    return schema;
  }
  static void bind(Parameters& to, N value) { to.integer(static_cast<std::int64_t>(value)); }
  static void load(std::string_view column, N& value) { value = detail::number_from<N>(column); }
};

template <>
struct Codec<double> {
  static void write(std::string& out, double value) { out += dump(Json(value)); }
  static bool read(const Json& json, double& out, const Bounds& bounds, const FaultSink& faults) {
    if (!json.is_number()) return faults.refuse("must be a number");
    if (!detail::within(json.get<double>(), bounds, faults)) return false;
    out = json.get<double>();
    return true;
  }
  static Json schema(const Bounds& bounds) {
    Json schema{{"type", "number"}};
    detail::number_bounds(schema, bounds);
    return schema;
  }
  static void bind(Parameters& to, double value) { to.real(value); }
  static void load(std::string_view column, double& value) { value = detail::number_from<double>(column); }
};

template <>
struct Codec<Id> {
  static void write(std::string& out, const Id& value) { write_json_string(out, value.text()); }
  static bool read(const Json& json, Id& out, const Bounds&, const FaultSink& faults) {
    if (json.is_string())
      if (auto id = Id::parse(json.get_ref<const std::string&>())) return out = *id, true;
    return faults.refuse("must be a UUID in lower case");
  }
  static Json schema(const Bounds&) { return {{"type", "string"}, {"format", "uuid"}}; }
  static void bind(Parameters& to, const Id& value) { value.empty() ? to.null() : to.text(value.text()); }
  static void load(std::string_view column, Id& value) { value = Id::parse(column).value_or(Id{}); }
};

template <>
struct Codec<Time> {
  static void write(std::string& out, Time value) { out.append("\"").append(value.text()).append("\""); }
  static bool read(const Json& json, Time& out, const Bounds&, const FaultSink& faults) {
    if (json.is_string())
      if (auto time = Time::parse(json.get_ref<const std::string&>())) return out = *time, true;
    return faults.refuse("must be an RFC 3339 time such as 2026-01-31T08:00:00Z");
  }
  static Json schema(const Bounds&) { return {{"type", "string"}, {"format", "date-time"}}; }
  static void bind(Parameters& to, Time value) { to.integer(value.microseconds); }
  static void load(std::string_view column, Time& value) {
    value.microseconds = detail::number_from<std::int64_t>(column);
  }
};

template <>
struct Codec<Money> {
  static void write(std::string& out, Money value) { out += value.text(); }
  static bool read(const Json& json, Money& out, const Bounds& bounds, const FaultSink& faults) {
    if (!json.is_number()) return faults.refuse("must be an amount in US dollars");
    const double dollars = json.get<double>();
    if (!(dollars > -9e12 && dollars < 9e12)) return faults.refuse("is out of range");
    if (!detail::within(dollars, bounds, faults)) return false;
    const double micros = dollars * 1e6;
    const auto whole = static_cast<std::int64_t>(micros < 0 ? micros - 0.5 : micros + 0.5);
    if (micros - static_cast<double>(whole) > 1e-3 || static_cast<double>(whole) - micros > 1e-3)
      return faults.refuse("must have at most six decimals");
    out.micros = whole;
    return true;
  }
  static Json schema(const Bounds& bounds) {
    Json schema{{"type", "number"}, {"description", "US dollars, up to six decimals"}};
    detail::number_bounds(schema, bounds);
    return schema;
  }
  static void bind(Parameters& to, Money value) { to.integer(value.micros); }
  static void load(std::string_view column, Money& value) { value.micros = detail::number_from<std::int64_t>(column); }
};

/// Any JSON value; a column of text.
template <>
struct Codec<Json> {
  static void write(std::string& out, const Json& value) { out += dump(value); }
  static bool read(const Json& json, Json& out, const Bounds& bounds, const FaultSink& faults) {
    if (detail::has_nul(json)) return faults.refuse("must not contain U+0000");
    if (static_cast<std::int64_t>(dump(json).size()) > bounds.max_length) return faults.refuse("is too large");
    out = json;
    return true;
  }
  static Json schema(const Bounds&) { return Json::object(); }
  static void bind(Parameters& to, const Json& value) { to.own_text(dump(value)); }
  static void load(std::string_view column, Json& value) { value = Json::parse(column, nullptr, false); }
};

/// Stored by name.
template <NamedEnum E>
struct Codec<E> {
  static void write(std::string& out, E value) { write_json_string(out, name_of(value)); }
  static bool read(const Json& json, E& out, const Bounds&, const FaultSink& faults) {
    if (json.is_string())
      if (auto value = enum_from<E>(json.get_ref<const std::string&>())) return out = *value, true;
    std::string choices;
    for (const auto name : names_of(E{})) choices.append(choices.empty() ? "" : ", ").append(name);
    return faults.refuse("must be one of " + choices);
  }
  static Json schema(const Bounds&) {
    Json schema{{"type", "string"}, {"enum", Json::array()}};
    for (const auto name : names_of(E{})) schema["enum"].push_back(name);
    return schema;
  }
  static void bind(Parameters& to, E value) { to.text(name_of(value)); }
  static void load(std::string_view column, E& value) { value = enum_from<E>(column).value_or(E{}); }
};

template <class T>
struct Codec<std::optional<T>> {
  static void write(std::string& out, const std::optional<T>& value) {
    value ? Codec<T>::write(out, *value) : void(out += "null");
  }
  static bool read(const Json& json, std::optional<T>& out, const Bounds& bounds, const FaultSink& faults) {
    if (json.is_null()) return out.reset(), true;
    T value{};
    if (!Codec<T>::read(json, value, bounds, faults)) return false;
    out = std::move(value);
    return true;
  }
  static Json schema(const Bounds& bounds) {
    Json schema = Codec<T>::schema(bounds);
    if (schema.contains("type")) schema["type"] = {schema["type"], "null"};
    if (schema.contains("enum")) schema["enum"].push_back(nullptr);
    return schema;
  }
  static void bind(Parameters& to, const std::optional<T>& value) { value ? Codec<T>::bind(to, *value) : to.null(); }
  static void load(std::string_view column, std::optional<T>& value) { Codec<T>::load(column, value.emplace()); }
};

/// Stored as a JSON array in a column of text.
template <class T>
struct Codec<std::vector<T>> {
  static void write(std::string& out, const std::vector<T>& values) {
    out += '[';
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (i) out += ',';
      Codec<T>::write(out, values[i]);
    }
    out += ']';
  }
  static bool read(const Json& json, std::vector<T>& out, const Bounds& bounds, const FaultSink& faults) {
    if (!json.is_array()) return faults.refuse("must be an array");
    const auto items = static_cast<std::int64_t>(json.size());
    if (items < bounds.min_items || items > bounds.max_items) {
      return faults.refuse("must have " +
                           (bounds.min_items > 0 ? std::to_string(bounds.min_items) + " to " : "at most ") +
                           std::to_string(bounds.max_items) + " items");
    }
    std::vector<T> values;
    bool good = true;
    for (const auto& item : json) {
      const auto at = faults.item(values.size());
      good = Codec<T>::read(item, values.emplace_back(), bounds, at) && good;
    }
    if (good) out = std::move(values);
    return good;
  }
  static Json schema(const Bounds& bounds) {
    Json schema{{"type", "array"}, {"items", Codec<T>::schema(bounds)}, {"maxItems", bounds.max_items}};
    if (bounds.min_items > 0) schema["minItems"] = bounds.min_items;
    return schema;
  }
  static void bind(Parameters& to, const std::vector<T>& values) {
    std::string text;
    write(text, values);
    to.own_text(std::move(text));
  }
  static void load(std::string_view column, std::vector<T>& values) {
    std::vector<Fault> unread;
    const Json json = Json::parse(column, nullptr, false);
    if (json.is_array())
      read(json, values, Bounds{.max_length = 1 << 24, .max_items = 1 << 20, .pattern_hint = {}}, FaultSink(unread));
  }
};

template <class T>
void Parameters::add(const T& value) {
  if constexpr (std::same_as<T, Json> || std::same_as<T, Id> || std::same_as<T, Time> || std::same_as<T, Money>)
    Codec<T>::bind(*this, value);
  else if constexpr (std::convertible_to<const T&, std::string_view>)
    text(std::string_view(value));
  else if constexpr (std::same_as<T, std::nullptr_t> || std::same_as<T, std::nullopt_t>)
    null();
  else
    Codec<T>::bind(*this, value);
}

template <class... Ts>
Parameters Parameters::of(const Ts&... values) {
  Parameters parameters;
  (parameters.add(values), ...);
  return parameters;
}

}  // namespace atrium
