// The usual routes of a resource: what a client may count on.
#include "note_fixture.hpp"

#include <gtest/gtest.h>

namespace atrium::testing {
namespace {

class Resources : public ::testing::Test {
 protected:
  NotesHost host;
  PluginUnderTest<Notes> plugin{host};

  Json make(const Json& members) {
    const auto made = host.post("/notes", members);
    EXPECT_EQ(made.status, 201) << made.body;
    return made.json();
  }
  static std::string path(const Json& note) { return "/notes/" + note["id"].get<std::string>(); }
  std::vector<std::string> titles(const std::string& target) {
    std::vector<std::string> titles;
    const auto page = host.get(target);
    EXPECT_EQ(page.status, 200) << page.body;
    for (const auto& item : page.json().value("items", Json::array())) titles.push_back(item["title"]);
    return titles;
  }
};

using Titles = std::vector<std::string>;

TEST_F(Resources, WhatIsMadeCanBeReadAndIsAnnounced) {
  const auto made = host.post("/notes", {{"title", "first"}});
  EXPECT_EQ(made.status, 201);
  EXPECT_EQ(made.header("location"), "/api/v1" + path(made.json()));
  EXPECT_EQ(made.header("etag"), "\"1\"");
  EXPECT_EQ(host.get(path(made.json())).json(), made.json());
  const auto event = host.events.last("note.created");
  EXPECT_EQ(event.json(), made.json());
  EXPECT_EQ(event.actor, "user:" + member.id);
}

TEST_F(Resources, FaultsOfMembersAndOfTheChecksComeTogether) {
  const auto answer = host.post("/notes", {{"text", "bad"}});
  EXPECT_EQ(answer.status, 422);
  EXPECT_EQ(answer.pointers(), (std::set<std::string>{"/title", "/text"}));
  EXPECT_EQ(answer.header("content-type"), "application/problem+json");
  EXPECT_TRUE(host.events.recorded().empty());
}

TEST_F(Resources, AConstraintIsAConflict) {
  make({{"title", "taken"}});
  EXPECT_EQ(host.post("/notes", {{"title", "taken"}}).status, 409);
  EXPECT_EQ(host.events.topics(), (Titles{"note.created"}));
}

TEST_F(Resources, UnknownAndMalformedIdsAreNotFound) {
  EXPECT_EQ(host.get("/notes/" + Id::make().str()).status, 404);
  EXPECT_EQ(host.get("/notes/1").status, 404);
}

TEST_F(Resources, PatchChangesOnlyTheMembersGiven) {
  const auto note = make({{"title", "a"}, {"text", "b"}, {"stars", 3}});
  const auto changed = host.patch(path(note), {{"text", "c"}, {"stars", nullptr}});
  EXPECT_EQ(changed.status, 200);
  EXPECT_EQ(changed.json()["title"], "a");
  EXPECT_EQ(changed.json()["text"], "c");
  EXPECT_TRUE(changed.json()["stars"].is_null());
  EXPECT_EQ(changed.json()["revision"], 2);
  EXPECT_EQ(host.events.last("note.updated").json(), changed.json());
}

TEST_F(Resources, PutReplacesTheMembersGiven) {
  const auto note = make({{"title", "a"}, {"text", "b"}});
  const auto changed = host.put(path(note), {{"title", "z"}}).json();
  EXPECT_EQ(changed["title"], "z");
  EXPECT_EQ(changed["text"], "b");
}

TEST_F(Resources, AStaleIfMatchChangesNothing) {
  const auto note = make({{"title", "a"}});
  EXPECT_EQ(host.patch(path(note), {{"text", "x"}}, member, {{"If-Match", "\"1\""}}).status, 200);
  EXPECT_EQ(host.patch(path(note), {{"text", "y"}}, member, {{"If-Match", "\"1\""}}).status, 412);
  EXPECT_EQ(host.remove(path(note), member, {{"If-Match", "\"1\""}}).status, 412);
  EXPECT_EQ(host.patch(path(note), {{"text", "z"}}, member, {{"If-Match", "\"7\", \"2\""}}).status, 200);
}

TEST_F(Resources, RemovalIsSoftAndAnnounced) {
  const auto note = make({{"title", "a"}});
  EXPECT_EQ(host.remove(path(note)).status, 204);
  EXPECT_EQ(host.get(path(note)).status, 404);
  EXPECT_EQ(host.patch(path(note), {{"text", "x"}}).status, 404);
  EXPECT_EQ(host.remove(path(note)).status, 404);
  EXPECT_EQ(titles("/notes"), Titles{});
  EXPECT_EQ(host.events.last("note.deleted").resource_id, note["id"]);
  host.db.script("DELETE FROM notes WHERE deleted_at IS NULL");  // the row itself is still there
  EXPECT_EQ(host.post("/notes", {{"title", "a"}}).status, 409);
}

TEST_F(Resources, ATransactionThatRunsTwiceChangesOnce) {
  host.db.repeats = true;
  const auto note = make({{"title", "a"}});
  EXPECT_EQ(host.patch(path(note), {{"text", "x"}}).json()["revision"], 2);
  EXPECT_EQ(host.events.topics(), (Titles{"note.created", "note.updated"}));
}

TEST_F(Resources, AFailedCommitLeavesNoTrace) {
  host.db.fail_next_commit(ATRIUM_E_UNAVAILABLE);
  const auto answer = host.post("/notes", {{"title", "a"}});
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.header("retry-after"), "1");
  EXPECT_TRUE(host.events.recorded().empty());
  EXPECT_EQ(titles("/notes"), Titles{});
}

TEST_F(Resources, ListsAreNewestFirstAndPaged) {
  for (const auto* title : {"a", "b", "c", "d", "e"}) make({{"title", title}});
  const auto page = host.get("/notes?limit=2");
  EXPECT_EQ(page.json()["total"], 5);
  EXPECT_EQ(page.json()["items"].size(), 2U);
  Titles all;
  std::string target = "/notes?limit=2";
  while (!target.empty()) {
    const auto json = host.get(target).json();
    for (const auto& item : json["items"]) all.push_back(item["title"]);
    target = json["next_cursor"].is_null() ? "" : "/notes?limit=2&cursor=" + json["next_cursor"].get<std::string>();
  }
  EXPECT_EQ(all, (Titles{"e", "d", "c", "b", "a"}));
  EXPECT_EQ(titles("/notes?offset=3"), (Titles{"b", "a"}));
}

TEST_F(Resources, ACursorStaysWhereItIsWhenItemsCome) {
  for (const auto* title : {"a", "b", "c"}) make({{"title", title}});
  const auto cursor = host.get("/notes?limit=1").json()["next_cursor"].get<std::string>();
  make({{"title", "later"}});
  EXPECT_EQ(titles("/notes?limit=10&cursor=" + cursor), (Titles{"b", "a"}));
}

TEST_F(Resources, LinksLeadOn) {
  for (const auto* title : {"a", "b", "c"}) make({{"title", title}});
  const auto link = host.get("/notes?limit=1&offset=1").header("link");
  EXPECT_NE(link.find("rel=\"next\""), std::string::npos) << link;
  EXPECT_NE(link.find("</api/v1/notes?limit=1&offset=0>; rel=\"prev\""), std::string::npos) << link;
}

TEST_F(Resources, FiltersTakeTheMembersTypes) {
  make({{"title", "a"}, {"color", "red"}, {"pinned", true}, {"stars", 2}});
  make({{"title", "b"}, {"color", "blue"}});
  EXPECT_EQ(titles("/notes?color=red"), Titles{"a"});
  EXPECT_EQ(titles("/notes?pinned=false"), Titles{"b"});
  EXPECT_EQ(titles("/notes?stars=2&color=red"), Titles{"a"});
  EXPECT_EQ(titles("/notes?called=b"), Titles{"b"});
  EXPECT_EQ(host.get("/notes?color=pink&stars=many").pointers(), (std::set<std::string>{"?color", "?stars"}));
}

TEST_F(Resources, SearchTakesWordsLiterally) {
  make({{"title", "50% off"}});
  make({{"title", "500 off"}, {"text", "UPPER"}});
  EXPECT_EQ(titles("/notes?search=50%25"), Titles{"50% off"});
  EXPECT_EQ(titles("/notes?search=upper"), Titles{"500 off"});
  EXPECT_EQ(titles("/notes?search=%27%20OR%201=1--"), Titles{});
}

TEST_F(Resources, OrderByAnEnumIsByItsRank) {
  make({{"title", "x"}, {"color", "green"}});
  make({{"title", "b"}, {"color", "blue"}});
  make({{"title", "a"}, {"color", "blue"}});
  make({{"title", "y"}, {"color", "red"}});
  EXPECT_EQ(titles("/by-color"), (Titles{"a", "b", "x", "y"}));
  Titles all;
  std::string target = "/by-color?limit=1";
  while (!target.empty()) {
    const auto json = host.get(target).json();
    for (const auto& item : json["items"]) all.push_back(item["title"]);
    target = json["next_cursor"].is_null() ? "" : "/by-color?limit=1&cursor=" + json["next_cursor"].get<std::string>();
  }
  EXPECT_EQ(all, (Titles{"a", "b", "x", "y"}));
}

TEST_F(Resources, BadPagingIsRefused) {
  for (const auto* query : {"limit=0", "limit=201", "limit=x", "offset=-1", "cursor=zz", "cursor=00", "cursor=61621f"})
    EXPECT_EQ(host.get(std::string("/notes?") + query).status, 422) << query;
}

TEST_F(Resources, PrivateOnesDoNotExistForOthers) {
  const auto mine = host.post("/secrets", {{"text", "s"}}).json();
  const std::string path = "/secrets/" + mine["id"].get<std::string>();
  EXPECT_EQ(mine["owner_id"], member.id);
  EXPECT_EQ(host.get(path).status, 200);
  for (const auto& who : {other_member, admin}) {
    EXPECT_EQ(host.get(path, who).status, 404);
    EXPECT_EQ(host.patch(path, {{"text", "t"}}, who).status, 404);
    EXPECT_EQ(host.remove(path, who).status, 404);
    EXPECT_EQ(host.get("/secrets", who).json()["total"], 0);
  }
  EXPECT_EQ(host.events.last("secret.created").owner, member.id);
  EXPECT_EQ(host.post("/secrets", {{"text", "s"}, {"owner_id", admin.id}}).json()["owner_id"], member.id);
}

TEST_F(Resources, AccessIsDeclared) {
  EXPECT_EQ(host.get("/notes", nobody).status, 401);
  EXPECT_EQ(host.get("/notes", viewer).status, 200);
  EXPECT_EQ(host.post("/notes", {{"title", "x"}}, viewer).status, 403);
  const auto declared = host.http.declaration("PATCH", "/notes/{id}");
  EXPECT_EQ(declared["body_type"], "merge");
  EXPECT_FALSE(declared["body"].contains("required"));
}

TEST_F(Resources, WhatAdminsSeeToo) {
  const auto badge = host.post("/badges", Json::object()).json();
  const auto target = "/badges/" + badge["id"].get<std::string>();
  EXPECT_EQ(host.get(target).status, 200);
  EXPECT_EQ(host.get(target, admin).status, 200);
  EXPECT_EQ(host.get(target, other_member).status, 404);
  EXPECT_EQ(host.get("/badges", admin).json()["total"], 1);
  EXPECT_EQ(host.get("/badges", other_member).json()["total"], 0);
}

TEST_F(Resources, WhatIsShownOnceIsInTheFirstAnswerAlone) {
  const auto made = host.post("/badges", {{"code", "given"}}).json();
  EXPECT_EQ(made["code"], "given");
  EXPECT_EQ(host.post("/badges", Json::object()).json()["code"], "made");
  EXPECT_FALSE(host.get("/badges/" + made["id"].get<std::string>()).json().contains("code"));
  EXPECT_FALSE(host.get("/badges").json()["items"][0].contains("code"));
  EXPECT_FALSE(host.events.last("badge.created").json().contains("code"));
  EXPECT_FALSE(schema<Badge>()["properties"].contains("code"));
  EXPECT_TRUE(schema<Badge>(true)["properties"].contains("code"));
}

class Quiet final : public Plugin {
 public:
  void start() override {
    auto notes = resource<Note>("/notes", "Notes");
    notes.create().unannounced();
    notes.remove().unannounced();
    resource<Note>("/notes/by/{title}", "Notes")
        .list()
        .narrow([](const Request& request, Parameters& parameters) {
          parameters.own_text(std::string(request.path("title")));
          parameters.integer(request.number("least", 1, 1, 5));
          return std::string("title = ? OR stars >= ?");
        })
        .filter("pinned");
  }
};

TEST(QuietResources, WhatIsUnannouncedIsInTheAuditLogAlone) {
  NotesHost host;
  const PluginUnderTest<Quiet> plugin(host);
  const auto made = host.post("/notes", {{"title", "x"}}).json();
  EXPECT_EQ(host.remove("/notes/" + made["id"].get<std::string>()).status, 204);
  std::vector<std::string> actions;
  for (const auto& change : host.events.recorded()) actions.push_back(change.action);
  EXPECT_EQ(actions, (std::vector<std::string>{"note.created", "note.deleted"}));
  EXPECT_TRUE(host.events.topics().empty());
}

TEST(QuietResources, AListIsNarrowedByItsRequest) {
  NotesHost host;
  const PluginUnderTest<Quiet> plugin(host);
  for (const auto* title : {"x", "y", "z"}) host.post("/notes", {{"title", title}, {"stars", *title - 'v'}});
  EXPECT_EQ(host.get("/notes/by/x?least=4").json()["total"], 2);
  EXPECT_EQ(host.get("/notes/by/x?least=5&pinned=false").json()["total"], 1);
  EXPECT_EQ(host.get("/notes/by/x?pinned=true").json()["total"], 0);
  EXPECT_EQ(host.get("/notes/by/x?least=6").status, 422);
}

}  // namespace
}  // namespace atrium::testing
