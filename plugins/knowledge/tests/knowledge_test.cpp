#include <atrium/embedding.hpp>
#include <atrium/testing/fake_host.hpp>

#include <gtest/gtest.h>

using namespace atrium::testing;
using atrium::Json;

namespace {

class Knowledge : public ::testing::Test {
 protected:
  Json add(const std::string& title, const std::string& content, Json members = Json::object()) {
    members["title"] = title;
    members["content"] = content;
    const auto made = host.post("/knowledge", members);
    EXPECT_EQ(made.status, 201) << made.body;
    return made.json();
  }
  std::vector<std::string> found(const std::string& query) {
    const auto answer = host.get("/knowledge?search=" + query);
    EXPECT_EQ(answer.status, 200) << answer.body;
    std::vector<std::string> titles;
    const Json json = answer.json();
    for (const auto& item : json["items"]) titles.push_back(item["title"]);
    return titles;
  }
  FakeHost host{ATRIUM_PLUGIN_SOURCE_DIR};
  LoadedPlugin plugin{host, atrium_plugin_v1()};
  using Titles = std::vector<std::string>;
};

TEST_F(Knowledge, WhatIsWrittenIsFoundBeforeAndAfterItIsMerged) {
  add("Routers", "How to reset a router");
  add("Wine", "Red and white");
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(found("resetting"), Titles{"Routers"});
    EXPECT_EQ(found("wine%20router"), Titles{});
    EXPECT_EQ(found("wine%20router&match=any").size(), 2U);
    host.advance(std::chrono::seconds(2));
  }
}

TEST_F(Knowledge, AChangeAndARemovalShowAtOnce) {
  for (const bool merged : {false, true}) {
    const std::string id = add("Old", "badger")["id"];
    if (merged) host.advance(std::chrono::seconds(2));
    EXPECT_EQ(host.patch("/knowledge/" + id, {{"content", "weasel"}}).status, 200);
    EXPECT_EQ(found("badger"), Titles{});
    EXPECT_EQ(found("weasel"), Titles{"Old"});
    if (merged) host.advance(std::chrono::seconds(2));
    EXPECT_EQ(host.remove("/knowledge/" + id).status, 204);
    EXPECT_EQ(found("weasel"), Titles{});
    host.advance(std::chrono::seconds(2));
    EXPECT_EQ(found("weasel"), Titles{});
  }
}

TEST_F(Knowledge, CategoriesAndTagsNarrowListsAndSearches) {
  add("A", "otter", {{"category", "x y"}, {"tags", {"wet", "furry"}}});
  add("B", "otter", {{"category", "z"}});
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(found("otter&category=x%20y"), Titles{"A"});
    EXPECT_EQ(found("otter&tag=furry"), Titles{"A"});
    host.advance(std::chrono::seconds(2));
  }
  EXPECT_EQ(host.get("/knowledge?tag=wet").json()["total"], 1);
  EXPECT_EQ(host.get("/knowledge?category=z").json()["items"][0]["title"], "B");
  EXPECT_EQ(host.get("/knowledge/categories").json()["total"], 2);
}

TEST_F(Knowledge, AgentsGetPassages) {
  add("Badgers", "They dig.");
  const auto used = host.use_tool("knowledge_search", {{"query", "how do badgers live"}}, atrium::Id::make().str());
  ASSERT_EQ(used.status, ATRIUM_OK) << used.json;
  EXPECT_EQ(used.json["items"][0]["passage"], "They dig.");
}

/// A model that knows one thing about a text: whether it is of vehicles.
Json embed(const atrium::Call& call, std::size_t dimensions = 2) {
  const auto request = call.arguments<atrium::embedding::EmbedRequest>();
  atrium::embedding::EmbedAnswer answer{"m", {}, 0};
  for (const auto& text : request.texts) {
    const bool drives = text.find("vehicle") != text.npos || text.find("automobile") != text.npos;
    std::vector<double> vector(dimensions, 0);
    vector[drives ? 0 : 1] = 1;
    answer.vectors.push_back(std::move(vector));
  }
  return answer.json();
}

TEST_F(Knowledge, AProviderAddsWhatIsNearInMeaning) {
  add("Cars", "automobile");
  host.services.provide("embedding.provider/fake", [](const auto& call) { return embed(call); }, {{"model", "m"}});
  add("Fish", "trout");
  host.advance(std::chrono::seconds(3));
  EXPECT_EQ(found("vehicle"), (Titles{"Cars", "Fish"}));
  EXPECT_EQ(found("%22vehicle%20park%22"), Titles{});
  host.services.withdraw("embedding.provider/fake");
  EXPECT_EQ(found("vehicle"), Titles{});
}

TEST_F(Knowledge, WhatIsRemovedIsNotNearEither) {
  host.services.provide("embedding.provider/fake", [](const auto& call) { return embed(call); }, {{"model", "m"}});
  const std::string id = add("Cars", "automobile")["id"];
  add("Fish", "trout");
  host.advance(std::chrono::seconds(3));
  EXPECT_EQ(host.remove("/knowledge/" + id).status, 204);
  EXPECT_EQ(host.get("/knowledge?search=vehicle").json()["total"], 1);
}

TEST_F(Knowledge, AProviderThatFailsIsLeftInPeaceForAWhile) {
  int asked = 0;
  const auto fail = [&](const atrium::Call&) -> Json {
    ++asked;
    throw atrium::unavailable("down");
  };
  host.services.provide("embedding.provider/fake", fail, {{"model", "m"}});
  add("Cars", "automobile");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(found("automobile"), Titles{"Cars"});
  EXPECT_EQ(asked, 1);
}

TEST_F(Knowledge, TheNextPageOfAQueryAsksTheProviderNoMore) {
  int asked = 0;
  const auto counted = [&](const atrium::Call& call) {
    ++asked;
    return embed(call);
  };
  add("Cars", "automobile");
  add("Fish", "trout");
  host.services.provide("embedding.provider/fake", counted, {{"model", "m"}});
  host.advance(std::chrono::seconds(3));
  asked = 0;
  EXPECT_EQ(found("vehicle&limit=1"), Titles{"Cars"});
  EXPECT_EQ(found("vehicle&limit=1&offset=1"), Titles{"Fish"});
  EXPECT_EQ(asked, 1);
}

TEST(LittleMemory, VectorsWithoutRoomAreReadFromTheDatabase) {
  FakeHost small{ATRIUM_PLUGIN_SOURCE_DIR};
  small.settings.configuration = {{"vector_memory_mb", 1}};
  LoadedPlugin plugin{small, atrium_plugin_v1()};
  static constexpr std::size_t dimensions = 8'192;  // 32 KiB each: 31 have room
  small.services.provide("embedding.provider/fake", [](const atrium::Call& call) { return embed(call, dimensions); },
                         {{"model", "m"}});
  for (int i = 0; i < 40; ++i) small.post("/knowledge", {{"title", "Fish"}, {"content", "trout"}});
  small.post("/knowledge", {{"title", "Cars"}, {"content", "automobile"}});
  small.advance(std::chrono::seconds(5));
  const auto answer = small.get("/knowledge?search=vehicle&limit=1").json();
  EXPECT_EQ(answer["items"][0]["title"], "Cars") << answer;
  EXPECT_EQ(answer["total"], 41);
  EXPECT_EQ(small.metrics.value("vectors") + small.metrics.value("vectors_from_database"), 41);
  EXPECT_EQ(small.metrics.value("vectors_left_out"), 0);
}

}  // namespace
