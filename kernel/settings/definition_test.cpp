#include "settings/definition.hpp"

#include <gtest/gtest.h>

namespace kernel::settings {
namespace {

using atrium::Json;

Json declaration(const Json& changed) {
  Json made{{"key", "limit"}, {"type", "integer"}, {"default", 5}, {"description", "How many"}};
  if (!changed.is_null()) made.update(changed);
  return made;
}
Definition parsed(Json changed) { return Definition::parse("notes", declaration(std::move(changed))); }
std::string refused(Json changed) {
  try {
    parsed(std::move(changed));
    return "";
  } catch (const DefinitionError& fault) {
    return fault.what();
  }
}

TEST(Definition, SaysWhatIsWrongWithAValue) {
  const auto number = parsed({{"minimum", 1}, {"maximum", 10}});
  EXPECT_FALSE(fault_of(number, 10));
  EXPECT_EQ(fault_of(number, 11).value(), "must be at least 1 and at most 10");
  for (const Json& wrong : {Json("5"), Json(5.5), Json(true), Json(), Json::array(), Json::object()})
    EXPECT_TRUE(fault_of(number, wrong)) << wrong;

  const auto flag = parsed({{"type", "boolean"}, {"default", false}});
  EXPECT_FALSE(fault_of(flag, true));
  EXPECT_TRUE(fault_of(flag, 1));

  const auto real = parsed({{"type", "number"}, {"default", 0.5}, {"maximum", 1}});
  EXPECT_FALSE(fault_of(real, 1));
  EXPECT_TRUE(fault_of(real, 1.5));
}

TEST(Definition, BoundsOfAStringAreCharacters) {
  const auto text = parsed({{"type", "string"}, {"default", "ab"}, {"minimum", 2}, {"maximum", 3}});
  EXPECT_FALSE(fault_of(text, "äöü"));
  EXPECT_TRUE(fault_of(text, "ä"));
  EXPECT_TRUE(fault_of(text, "abcd"));
  EXPECT_TRUE(fault_of(text, std::string("a\0b", 3)));
  const auto choice = parsed({{"type", "string"}, {"default", "a"}, {"choices", {"a", "b"}}});
  EXPECT_EQ(fault_of(choice, "c").value(), "must be one of a, b");
}

TEST(Definition, ASecretMayAlwaysBeTakenAway) {
  const auto secret = parsed({{"type", "string"}, {"default", ""}, {"secret", true}, {"minimum", 8}});
  EXPECT_FALSE(fault_of(secret, ""));
  EXPECT_TRUE(fault_of(secret, "short"));
  EXPECT_FALSE(schema_of(secret).contains("default"));
}

TEST(Definition, AWrongDeclarationIsNamed) {
  EXPECT_EQ(refused({}), "");
  EXPECT_NE(refused({{"key", "Not a key"}}).find("key"), std::string::npos);
  EXPECT_NE(refused({{"type", "colour"}}).find("limit: type"), std::string::npos);
  EXPECT_NE(refused({{"default", "five"}}).find("the default must be"), std::string::npos);
  EXPECT_NE(refused({{"maximum", 4}}).find("the default must be"), std::string::npos);
  EXPECT_NE(refused({{"minimum", "one"}}).find("minimum must be a number"), std::string::npos);
  EXPECT_NE(refused({{"colour", "red"}}).find("colour is not a member"), std::string::npos);
  EXPECT_NE(refused({{"secret", true}}).find("only a string"), std::string::npos);
  EXPECT_NE(refused({{"type", "string"}, {"default", "hunter2"}, {"secret", true}}).find("empty"), std::string::npos);
  EXPECT_THROW(Definition::parse("notes", Json::array()), DefinitionError);
}

}  // namespace
}  // namespace kernel::settings
