#pragma once
// What a setting is: its type, bounds, default and description. From it follow validation, the answer and the schema.
#include <atrium/codec.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
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

/// What is wrong with a value, in words for who sets it; nullopt when nothing is.
std::optional<std::string> fault_of(const Definition& definition, const atrium::Json& value);
/// JSON schema of the value.
atrium::Json schema_of(const Definition& definition);

}  // namespace kernel::settings
