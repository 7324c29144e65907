#include "settings/definition.hpp"

#include <atrium/codec.hpp>

#include <algorithm>
#include <limits>
#include <regex>

namespace kernel::settings {
namespace {

using atrium::Json;

constexpr std::int64_t longest_string = 10'000;

/// One declaration, read member by member; what is left over at the end is unknown.
class Reader {
 public:
  explicit Reader(const Json& declaration) : left_(declaration) {
    if (!left_.is_object()) fail("must be an object");
    name_ = "a setting";
  }
  [[noreturn]] void fail(const std::string& what) const { throw DefinitionError(name_ + ": " + what); }
  void called(const std::string& name) { name_ = "the setting " + name; }

  std::optional<Json> take(const char* member) {
    const auto found = left_.find(member);
    if (found == left_.end()) return std::nullopt;
    Json value = *found;
    left_.erase(found);
    return value;
  }
  std::string text(const char* member, bool required) {
    const auto value = take(member);
    if (!value && required) fail(std::string(member) + " is missing");
    if (!value) return {};
    if (!value->is_string()) fail(std::string(member) + " must be a string");
    return value->get<std::string>();
  }
  std::optional<double> bound(const char* member) {
    const auto value = take(member);
    if (!value) return std::nullopt;
    if (!value->is_number()) fail(std::string(member) + " must be a number");
    return value->get<double>();
  }
  bool flag(const char* member) {
    const auto value = take(member);
    if (!value) return false;
    if (!value->is_boolean()) fail(std::string(member) + " must be true or false");
    return value->get<bool>();
  }
  void finish() const {
    if (!left_.empty()) fail(left_.begin().key() + " is not a member of a setting's declaration");
  }

 private:
  Json left_;
  std::string name_;
};

std::vector<std::string> choices_of(Reader& reader) {
  std::vector<std::string> choices;
  const auto value = reader.take("choices");
  if (!value) return choices;
  if (!value->is_array() || value->empty()) reader.fail("choices must be an array of strings");
  for (const Json& choice : *value) {
    if (!choice.is_string()) reader.fail("choices must be an array of strings");
    choices.push_back(choice.get<std::string>());
  }
  return choices;
}

std::string listed(const std::vector<std::string>& choices) {
  std::string text;
  for (const auto& choice : choices) text += (text.empty() ? "" : ", ") + choice;
  return text;
}

atrium::Bounds bounds_of(const Definition& definition) {
  atrium::Bounds bounds;
  bounds.max_length = longest_string;
  if (definition.type == Type::string) {
    if (definition.minimum) bounds.min_length = static_cast<std::int64_t>(*definition.minimum);
    if (definition.maximum) bounds.max_length = static_cast<std::int64_t>(*definition.maximum);
  } else {
    if (definition.minimum) bounds.min = *definition.minimum;
    if (definition.maximum) bounds.max = *definition.maximum;
  }
  return bounds;
}

template <class T>
std::optional<std::string> read_as(const Definition& definition, const Json& value) {
  std::vector<atrium::Fault> faults;
  T ignored{};
  atrium::Codec<T>::read(value, ignored, bounds_of(definition), atrium::FaultSink(faults));
  if (faults.empty()) return std::nullopt;
  return std::move(faults.front().detail);
}

}  // namespace

Definition Definition::parse(const std::string& category, const Json& declaration) {
  static const std::regex key_form("[a-z][a-z0-9_]{0,62}");
  Reader reader(declaration);
  Definition made;
  made.category = category;
  made.key = reader.text("key", true);
  if (!std::regex_match(made.key, key_form)) reader.fail("key must be lower-case letters, digits and _");
  reader.called(made.key);
  const auto type = atrium::enum_from<Type>(reader.text("type", true));
  if (!type) reader.fail("type must be string, integer, number or boolean");
  made.type = *type;
  made.description = reader.text("description", true);
  made.minimum = reader.bound("minimum");
  made.maximum = reader.bound("maximum");
  made.choices = choices_of(reader);
  made.unit = reader.text("unit", false);
  made.secret = reader.flag("secret");
  const auto standard = reader.take("default");
  reader.finish();
  if (!standard) reader.fail("default is missing");
  made.standard = *standard;
  if (made.type != Type::string && (made.secret || !made.choices.empty()))
    reader.fail("only a string can be secret or have choices");
  if (made.secret && made.standard != "") reader.fail("the default of a secret is the empty string");
  // "not set" has to be sayable again, whatever the bounds of a real secret are.
  if (const auto fault = fault_of(made, made.standard)) reader.fail("the default " + *fault);
  return made;
}

std::optional<std::string> fault_of(const Definition& definition, const Json& value) {
  switch (definition.type) {
    case Type::integer:
      return read_as<std::int64_t>(definition, value);
    case Type::number:
      return read_as<double>(definition, value);
    case Type::boolean:
      return read_as<bool>(definition, value);
    case Type::string:
      break;
  }
  if (definition.secret && value == "") return std::nullopt;
  if (auto fault = read_as<std::string>(definition, value)) return fault;
  const auto& choices = definition.choices;
  if (!choices.empty() &&
      std::find(choices.begin(), choices.end(), value.get_ref<const std::string&>()) == choices.end())
    return "must be one of " + listed(choices);
  return std::nullopt;
}

Json schema_of(const Definition& definition) {
  Json schema{{"type", atrium::name_of(definition.type)}, {"description", definition.description}};
  if (!definition.secret) schema["default"] = definition.standard;
  const bool text = definition.type == Type::string;
  if (definition.minimum) schema[text ? "minLength" : "minimum"] = *definition.minimum;
  if (definition.maximum) schema[text ? "maxLength" : "maximum"] = *definition.maximum;
  if (!definition.choices.empty()) schema["enum"] = definition.choices;
  return schema;
}

}  // namespace kernel::settings
