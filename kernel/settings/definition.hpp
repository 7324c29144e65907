#pragma once
// What a setting is: its type, bounds, default and description. From it follow validation, the answer and the schema.
#include <atrium/codec.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace kernel::settings {

enum class Type : std::uint8_t { string, integer, number, boolean };
constexpr auto names_of(Type) { return std::array<std::string_view, 4>{"string", "integer", "number", "boolean"}; }

/// Names the setting and what is wrong with its declaration.
class DefinitionError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct Definition {
  std::string category, key;
  Type type = Type::string;
  atrium::Json standard;  ///< the value while nobody has set one
  std::string description;
  std::optional<double> minimum, maximum;  ///< of a number; of a string: how many characters
  std::vector<std::string> choices;        ///< of a string: one of these
  std::string unit;                        ///< of a number, such as "seconds"
  bool secret = false;                     ///< of a string: sealed at rest, masked in answers and events

  std::string name() const { return category + '.' + key; }

  /// {"key", "type", "default", "description", "minimum"?, "maximum"?, "choices"?, "unit"?, "secret"?}, as plugin.json
  /// holds it. Throws DefinitionError, also where the default is no good value.
  static Definition parse(const std::string& category, const atrium::Json& declaration);
};

/// A whole number or a flag that is a member of a struct of settings: declared and read from one line of a table.
template <class Settings>
struct NumberMember {
  const char* key;
  std::int64_t Settings::*field;
  std::int64_t least, most;
  const char *unit, *description;

  Definition definition(std::string_view category) const {
    const Settings standard;
    Definition made{std::string(category), key, Type::integer, standard.*field, description};
    made.minimum = static_cast<double>(least);
    made.maximum = static_cast<double>(most);
    made.unit = unit;
    return made;
  }
};
template <class Settings>
struct FlagMember {
  const char* key;
  bool Settings::*field;
  const char* description;

  Definition definition(std::string_view category) const {
    const Settings standard;
    return {std::string(category), key, Type::boolean, standard.*field, description};
  }
};
/// Of every member of these tables.
template <class... Tables>
std::vector<Definition> definitions_of(std::string_view category, const Tables&... tables) {
  std::vector<Definition> all;
  const auto add = [&](const auto& table) {
    for (const auto& member : table) all.push_back(member.definition(category));
  };
  (add(tables), ...);
  return all;
}
/// Sets the members of these tables to what the registry says.
template <class Settings, class Registry, class... Tables>
void read_members(Settings& settings, const Registry& registry, std::string_view category, const Tables&... tables) {
  const auto read = [&](const auto& table) {
    for (const auto& member : table)
      settings.*member.field =
          registry.value(category, member.key).template get<std::remove_cvref_t<decltype(settings.*member.field)>>();
  };
  (read(tables), ...);
}

/// What is wrong with a value, in words for who sets it; nullopt when nothing is.
std::optional<std::string> fault_of(const Definition& definition, const atrium::Json& value);
/// JSON schema of the value.
atrium::Json schema_of(const Definition& definition);

}  // namespace kernel::settings
