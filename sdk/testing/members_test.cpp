// What a resource's one description promises: parsing with every fault at once, JSON, columns and schema.
#include "note_fixture.hpp"

#include <gtest/gtest.h>

namespace atrium::testing {
namespace {

/// The faults of a body as "pointer: detail", or empty.
std::set<std::string> faults_of(std::string_view body) {
  std::set<std::string> faults;
  try {
    parse<Note>(body);
  } catch (const Problem& problem) {
    EXPECT_EQ(problem.status, 422);
    for (const auto& fault : problem.errors) faults.insert(fault.pointer + ": " + fault.detail);
  }
  return faults;
}
std::string fault_of(const Json& members) {
  Json body{{"title", "x"}};
  body.update(members);
  const auto faults = faults_of(dump(body));
  return faults.size() == 1 ? *faults.begin() : std::to_string(faults.size()) + " faults";
}

TEST(Members, EveryFaultIsReportedAtOnce) {
  EXPECT_EQ(faults_of(R"({"text":7,"color":"pink","stars":9,"nonsense":1})"),
            (std::set<std::string>{"/title: is required", "/text: must be a string",
                                   "/color: must be one of red, green, blue",
                                   "/stars: must be at least 1 and at most 5", "/nonsense: is not known here"}));
}

TEST(Members, AbsentMembersKeepTheirDefaults) {
  const auto note = parse<Note>(R"({"title":"x"})");
  EXPECT_EQ(note.text, "empty");
  EXPECT_EQ(note.color, Color::green);
  EXPECT_FALSE(note.stars);
}

TEST(Members, NullPutsBackTheDefaultAndIsRefusedWhereAValueIsRequired) {
  EXPECT_EQ(parse<Note>(R"({"title":"x","text":null})").text, "empty");
  EXPECT_EQ(fault_of({{"title", nullptr}}), "/title: must not be null");
}

TEST(Members, PartialReadingLeavesWhatIsAbsent) {
  Note note;
  note.title = "before";
  note.stars = 3;
  note = parse<Note>(R"({"text":"new","stars":null})", note, Reading::partial);
  EXPECT_EQ(note.title, "before");
  EXPECT_EQ(note.text, "new");
  EXPECT_FALSE(note.stars);
}

TEST(Members, ReadOnlyMembersAreIgnoredAndHiddenOnesUnknown) {
  EXPECT_TRUE(parse<Note>(R"({"title":"x","id":"anything","revision":99})").id.empty());
  EXPECT_EQ(fault_of({{"deleted_at", "2026-01-01T00:00:00Z"}}), "/deleted_at: is not known here");
}

TEST(Members, WhatIsNoObjectIsRefused) {
  EXPECT_EQ(faults_of("[]"), (std::set<std::string>{": must be a JSON object"}));
  for (const auto* broken : {"", "{", "{\"title\":\"\xff\"}", "{\"title\":\"x\"}}"}) {
    try {
      parse<Note>(broken);
      ADD_FAILURE() << broken;
    } catch (const Problem& problem) {
      EXPECT_EQ(problem.status, 400) << broken;
    }
  }
}

TEST(Members, TextIsCountedInCharactersAndHoldsNoNul) {
  EXPECT_EQ(fault_of({{"title", ""}}), "/title: must have 1 to 20 characters");
  EXPECT_EQ(fault_of({{"title", std::string(21, 'a')}}), "/title: must have 1 to 20 characters");
  std::string umlauts;
  for (int i = 0; i < 20; ++i) umlauts += "\u00e4";
  EXPECT_EQ(parse<Note>(dump({{"title", umlauts}})).title, umlauts);
  EXPECT_EQ(faults_of(R"({"title":"a\u0000b"})"), (std::set<std::string>{"/title: must not contain U+0000"}));
}

TEST(Members, NumbersAreWholeAndInRange) {
  EXPECT_EQ(fault_of({{"stars", 1.5}}), "/stars: must be an integer");
  EXPECT_EQ(fault_of({{"stars", "3"}}), "/stars: must be an integer");
  EXPECT_EQ(fault_of({{"stars", 18'446'744'073'709'551'615U}}), "/stars: is out of range");
  EXPECT_EQ(*parse<Note>(R"({"title":"x","stars":5})").stars, 5);
}

TEST(Members, ArraysAreBoundedAndNameTheItemAtFault) {
  EXPECT_EQ(fault_of({{"labels", {"a", "b", "c", "d"}}}), "/labels: must have at most 3 items");
  EXPECT_EQ(fault_of({{"labels", {"a", ""}}}), "/labels/1: must have 1 to 10 characters");
  EXPECT_EQ(fault_of({{"labels", "a"}}), "/labels: must be an array");
}

TEST(Members, MoneyHasAtMostSixDecimals) {
  EXPECT_EQ(parse<Note>(R"({"title":"x","price":0.000001})").price.micros, 1);
  EXPECT_EQ(parse<Note>(R"({"title":"x","price":0.1})").price.micros, 100'000);
  EXPECT_EQ(fault_of({{"price", 0.0000001}}), "/price: must have at most six decimals");
  EXPECT_EQ(fault_of({{"price", -1}}), "/price: must be at least 0 and at most 1000");
  EXPECT_EQ(fault_of({{"price", "1"}}), "/price: must be an amount in US dollars");
}

TEST(Members, JsonShowsEveryMemberButHiddenOnes) {
  Note note;
  note.title = "a \"quoted\"\nline\x01";
  note.price = {1'230'000};
  note.labels = {"x"};
  const Json json = Json::parse(to_json(note));
  EXPECT_EQ(json["title"], note.title);
  EXPECT_EQ(json["price"], 1.23);
  EXPECT_EQ(json["color"], "green");
  EXPECT_EQ(json["labels"], Json({"x"}));
  EXPECT_TRUE(json["stars"].is_null());
  EXPECT_FALSE(json.contains("deleted_at"));
}

TEST(Members, AnObjectSurvivesItsColumns) {
  Note note;
  note.id = Id::make();
  note.title = "t";
  note.color = Color::blue;
  note.labels = {"a", "b"};
  note.stars = 2;
  note.price = {5};
  note.pinned = true;
  note.created_at = {1'234'567};
  Parameters parameters;
  bind_columns(parameters, note);
  std::vector<std::string> texts(parameters.size());
  std::vector<atrium_value> row;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const auto& value = parameters.data()[i];
    if (value.type == ATRIUM_TEXT) texts[i] = text_of(value.as.s);
    if (value.type == ATRIUM_INT || value.type == ATRIUM_BOOL) texts[i] = std::to_string(value.as.i);
    atrium_value column{value.type == ATRIUM_NULL ? ATRIUM_NULL : ATRIUM_TEXT, 0, {}};
    column.as.s = view(texts[i]);
    row.push_back(column);
  }
  EXPECT_EQ(to_json(load_columns<Note>(row.data())), to_json(note));
  EXPECT_EQ(parameters.data()[3].type, ATRIUM_INT) << "a ranked enum is kept as its position";
}

TEST(Members, TheSchemaSaysWhatParsingDemands) {
  const Json input = schema<Note>(true);
  EXPECT_EQ(input["required"], Json({"title"}));
  EXPECT_FALSE(input["properties"].contains("id"));
  EXPECT_EQ(input["properties"]["text"]["default"], "empty");
  EXPECT_EQ(input["properties"]["title"]["maxLength"], 20);
  EXPECT_EQ(input["properties"]["color"]["enum"], Json({"red", "green", "blue"}));
  EXPECT_EQ(input["properties"]["stars"]["type"], Json({"integer", "null"}));
  EXPECT_TRUE(schema<Note>()["properties"]["id"]["readOnly"]);
}

}  // namespace
}  // namespace atrium::testing
