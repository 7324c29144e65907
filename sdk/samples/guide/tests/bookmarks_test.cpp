#include <atrium/testing/fake_host.hpp>

#include <gtest/gtest.h>

using namespace atrium::testing;
using namespace std::chrono_literals;
using atrium::Json;

namespace {

// [fixture]
class Bookmarks : public ::testing::Test {
 protected:
  Bookmarks() {
    host.services.provide("secrets/vault", [this](const atrium::Call& call) -> Json {
      if (call.method() == "keep") {
        secret = call.json()["value"].get<std::string>();
        return {{"id", atrium::Id::make().str()}};
      }
      return {{"value", secret}, {"version", 1}};
    });
  }
  std::string make(const std::string& url = "https://example.org/") {
    return host.post("/bookmarks", {{"url", url}}).json()["id"].get<std::string>();
  }
  std::string secret;
  FakeHost host{ATRIUM_PLUGIN_SOURCE_DIR};
  LoadedPlugin plugin{host, atrium_plugin_v1()};
};
// [end]

// [checks]
TEST_F(Bookmarks, ALinkIsCheckedOnceAnHour) {
  const auto id = make();
  host.egress.answer([](const SentRequest&) { return ScriptedAnswer{.status = 404}; });
  host.jobs.advance(1min);
  EXPECT_EQ(host.get("/bookmarks/" + id).json()["last_status"], 404);
  EXPECT_EQ(host.events.last("bookmark.checked").json()["last_status"], 404);
  EXPECT_EQ(host.metrics.value("checks", {{"outcome", "answered"}}), 1);
  host.jobs.advance(10min);
  EXPECT_EQ(host.egress.sent.size(), 1U);
}
// [end]

TEST_F(Bookmarks, AnAdminSaysHowMany) {
  make("https://example.org/a");
  make("https://example.org/b");
  host.settings.values["checks_per_minute"] = 1;
  host.egress.answer([](const SentRequest&) { return ScriptedAnswer{.status = 0, .ends_with = ATRIUM_E_UNAVAILABLE}; });
  host.jobs.advance(1min);
  EXPECT_EQ(host.egress.sent.size(), 1U);
  EXPECT_EQ(host.metrics.value("checks", {{"outcome", "failed"}}), 1);
}

TEST_F(Bookmarks, TheTokenIsTheVaultsAndGoesToItsHost) {
  const auto path = "/bookmarks/" + make() + "/token";
  EXPECT_EQ(host.put(path, {{"token", "hush"}}).status, 204);
  EXPECT_EQ(secret, "hush");
  EXPECT_EQ(host.events.recorded().back().action, "bookmark.token_set");
  host.settings.configuration = {{"user_agent", "mine"}};
  host.settings.environment["BOOKMARKS_CONTACT"] = "ada@example.org";
  host.jobs.advance(1min);
  const auto headers = host.egress.sent.at(0).headers;
  EXPECT_EQ(headers["authorization"], "Bearer hush");
  EXPECT_EQ(headers["user-agent"], "mine");
  EXPECT_EQ(headers["from"], "ada@example.org");
}

TEST_F(Bookmarks, ACopyOfAPageIsKeptSentAndReplaced) {
  const auto path = "/bookmarks/" + make() + "/snapshot";
  EXPECT_EQ(host.get(path).status, 404);
  EXPECT_EQ(host.request("PUT", path, "<p>one</p>").status, 204);
  EXPECT_EQ(host.request("PUT", path, "<p>two</p>").status, 204);
  EXPECT_EQ(host.get(path).body, "<p>two</p>");
  EXPECT_EQ(host.objects.stored.size(), 1U);
  EXPECT_NE(host.post(path + "-link").json()["url"].get<std::string>().find(path + "?expires="), std::string::npos);
}

TEST_F(Bookmarks, WhatIsGoneLeavesNoCopy) {
  const auto path = "/bookmarks/" + make();
  host.request("PUT", path + "/snapshot", "<p>one</p>");
  host.objects.stored.begin()->second.age_seconds = 7200;
  EXPECT_EQ(host.remove(path).status, 204);
  EXPECT_TRUE(host.objects.stored.empty());
}

// [call]
TEST_F(Bookmarks, AnotherPluginAddsOneInItsOwnTransaction) {
  const auto added = host.call_in_transaction("bookmarks/shelf", "add", {{"url", "https://example.org/x"}});
  EXPECT_EQ(added.status, ATRIUM_OK) << added.json;
  const auto twice = host.call_in_transaction("bookmarks/shelf", "add", {{"url", "https://example.org/x"}});
  EXPECT_EQ(twice.status, ATRIUM_E_CONFLICT);
  EXPECT_EQ(host.get("/bookmarks").json()["total"], 1);
}
// [end]

TEST_F(Bookmarks, AgentsAddLinksAndTheCommandListsThem) {
  EXPECT_EQ(host.use_tool("bookmark_add", {{"url", "https://example.org/"}, {"title", "Home"}}).status, ATRIUM_OK);
  EXPECT_EQ(host.use_tool("bookmark_add", {{"title", "no url"}}).status, ATRIUM_E_INVALID);
  const auto ran = host.call("command/bookmarks", "run", {{"arguments", Json::array()}});
  ASSERT_EQ(ran.pieces.size(), 1U);
  EXPECT_EQ(ran.pieces[0]["out"], "https://example.org/  Home\n");
  EXPECT_EQ(ran.json["exit"], 0);
}

TEST_F(Bookmarks, AnUrlThatCannotBeReachedIsRefused) {
  host.egress.checking = [](const std::string&) { return "is a private address"; };
  EXPECT_EQ(host.post("/bookmarks", {{"url", "http://10.0.0.1/"}}).pointers(), std::set<std::string>{"/url"});
  EXPECT_EQ(host.call("bookmarks/shelf", "add", {{"url", "http://10.0.0.1/"}}).status, ATRIUM_E_INVALID);
}

}  // namespace
