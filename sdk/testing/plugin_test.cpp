// Routes of a plugin's own, events, timers, settings and the plugin's life, through the table of the boundary.
#include "fake_host.hpp"

#include <gtest/gtest.h>

namespace atrium::testing {
namespace {

class Everything final : public Plugin {
 public:
  void start() override {
    if (configuration().value("refuses", false)) throw std::runtime_error("I will not start");
    host().log(Level::info, "key " + environment("KEY"));
    get("/echo/{what}", {.summary = "Echo", .access = {"none"}}, [](Request& request) {
      return ok(Json{{"what", request.path("what")}, {"q", request.query("q").value_or("none")}});
    });
    get("/echo/fixed", {.summary = "Not a parameter", .access = {"none"}}, [](Request&) { return ok(Json("fixed")); });
    get("/throws", {.summary = "Fails", .access = {"none"}},
        [](Request&) -> Reply { throw std::runtime_error("a secret detail"); });
    get("/drops", {.summary = "Never answers", .access = {"none"}}, [](Request request) { request.defer(); });
    get("/later", {.summary = "Answers later"}, [this](Request& request) -> Async<Reply> { return later(request); });
    get("/stream", {.summary = "Streams"}, [this](Request request) { spawn(stream(std::move(request))); });
    get("/broken", {.summary = "Breaks off"}, [this](Request request) { spawn(break_off(std::move(request))); });
    post("/count", {.summary = "Counts a body", .body_type = "stream"},
         [](Request& request) -> Async<Reply> { return count(request); });
    every(std::chrono::seconds(1), [this] {
      if (++ticks == 2) throw std::runtime_error("a tick fails");
    });
    on_event("thing.*", [this](const Event& event) { live.push_back(std::string(event.topic)); });
    on_every_event("all", "*", [this](const Event& event) {
      if (event.json().value("poison", false) && failures++ < 2) throw std::runtime_error("not yet");
      durable.push_back(std::string(event.resource_id));
    });
  }
  void stop() override { stopped = true; }
  void health() override {
    if (ticks > 5) throw std::runtime_error("too many ticks");
  }
  Async<Reply> later(Request&) {
    auto pause = sleep(std::chrono::milliseconds(50), cancellation());
    co_await pause;
    co_return ok(Json("late"));
  }
  Async<void> stream(Request request) {
    StreamReply reply(std::move(request), 200, "text/plain");
    for (const auto* piece : {"a", "b", "c"}) {
      auto sending = reply.send(piece);
      if (!co_await sending) break;
      sent.push_back(piece);
    }
  }
  static Async<void> break_off(Request request) {
    StreamReply reply(std::move(request), 200, "text/plain", 10);
    auto sending = reply.send("half");
    co_await sending;
    throw std::runtime_error("the source is gone");
  }
  static Async<Reply> count(Request& request) {
    BodyReader body(request);
    std::size_t pieces = 0, bytes = 0;
    for (;;) {
      auto next = body.next();
      const auto piece = co_await next;
      if (!piece) break;
      ++pieces;
      bytes += piece->size();
    }
    co_return ok(Json{{"pieces", pieces}, {"bytes", bytes}});
  }
  static inline int ticks, failures;
  static inline bool stopped;
  static inline std::vector<std::string> live, durable, sent;
};

class PluginLife : public ::testing::Test {
 protected:
  PluginLife() {
    Everything::ticks = Everything::failures = 0;
    Everything::stopped = false;
    Everything::live = Everything::durable = Everything::sent = {};
  }
  const atrium_plugin* table = detail::plugin_table<Everything>("everything", "0.1.0", 0);
  FakeHost host;
};

TEST_F(PluginLife, StartsAnswersAndEnds) {
  host.settings.environment["KEY"] = "value";
  {
    const LoadedPlugin plugin(host, table);
    EXPECT_EQ(host.log().at(0).message, "key value");
    EXPECT_EQ(host.get("/echo/a%20b?q=x%2Fy", nobody).json(), (Json{{"what", "a b"}, {"q", "x/y"}}));
    EXPECT_EQ(host.get("/echo/fixed", nobody).json(), "fixed");
    EXPECT_EQ(plugin.health(), "");
  }
  EXPECT_TRUE(Everything::stopped);
  EXPECT_EQ(host.jobs.timers(), 0U);
  EXPECT_THROW(host.get("/echo/x", nobody), std::logic_error);
}

TEST_F(PluginLife, AReasonNotToStartIsShown) {
  host.settings.configuration = {{"refuses", true}};
  EXPECT_THROW(
      try { LoadedPlugin(host, table); } catch (const std::exception& error) {
        EXPECT_STREQ(error.what(), "I will not start");
        throw;
      },
      std::runtime_error);
}

TEST_F(PluginLife, AMissingInterfaceIsNamed) {
  host.withhold(ATRIUM_HTTP);
  try {
    LoadedPlugin(host, table);
    ADD_FAILURE();
  } catch (const std::exception& error) {
    EXPECT_NE(std::string(error.what()).find(ATRIUM_HTTP), std::string::npos) << error.what();
  }
}

TEST_F(PluginLife, AVariableThatIsNotGrantedIsAsIfUnset) {
  host.settings.environment["KEY"] = "value";
  host.settings.granted.emplace();
  const LoadedPlugin plugin(host, table);
  EXPECT_EQ(host.log().at(0).message, "key ");
}

TEST_F(PluginLife, ARouteThatIsNotGrantedStopsTheStart) {
  host.http.granted = std::vector<std::string>{"/elsewhere"};
  try {
    LoadedPlugin(host, table);
    ADD_FAILURE();
  } catch (const std::exception& error) {
    EXPECT_NE(std::string(error.what()).find("\"routes\""), std::string::npos) << error.what();
  }
}

TEST_F(PluginLife, WhatAHandlerThrowsIsLoggedAndNotShown) {
  const LoadedPlugin plugin(host, table);
  const auto answer = host.get("/throws", nobody);
  EXPECT_EQ(answer.status, 500);
  EXPECT_EQ(answer.body.find("secret"), std::string::npos);
  EXPECT_EQ(host.log().back().message, "a secret detail");
  EXPECT_EQ(host.log().back().fields["request_id"], answer.json()["request_id"]);
}

TEST_F(PluginLife, ADroppedRequestIsAnswered) {
  const LoadedPlugin plugin(host, table);
  EXPECT_EQ(host.get("/drops", nobody).status, 500);
  EXPECT_EQ(host.http.open(), 0U);
}

TEST_F(PluginLife, AnAnswerMayComeLater) {
  const LoadedPlugin plugin(host, table);
  const auto exchange = host.begin("GET", "/later");
  EXPECT_FALSE(exchange.answered());
  host.advance(std::chrono::milliseconds(50));
  EXPECT_EQ(exchange.response().json(), "late");
}

TEST_F(PluginLife, AStreamThatBreaksOffLooksIncomplete) {
  const LoadedPlugin plugin(host, table);
  const auto reply = host.get("/broken");
  EXPECT_TRUE(reply.aborted);
  EXPECT_EQ(reply.body, "half");
  EXPECT_EQ(reply.length, 10);
}

TEST_F(PluginLife, AStreamedBodyIsReadPieceByPiece) {
  const LoadedPlugin plugin(host, table);
  const auto exchange = host.begin("POST", "/count", std::string(100, 'x'), member, {.piece_size = 30});
  EXPECT_EQ(exchange.response().json(), (Json{{"pieces", 4}, {"bytes", 100}}));
  EXPECT_EQ(host.post("/count").json(), (Json{{"pieces", 0}, {"bytes", 0}}));
}

TEST_F(PluginLife, AStreamWaitsForASlowClient) {
  const LoadedPlugin plugin(host, table);
  auto exchange = host.begin("GET", "/stream", {}, member, {.lagging = true});
  EXPECT_EQ(exchange.response().pieces.size(), 1U);
  exchange.read_on();
  EXPECT_EQ(exchange.response().pieces.size(), 2U);
  exchange.read_on();
  exchange.read_on();
  EXPECT_TRUE(exchange.answered());
  EXPECT_EQ(exchange.response().body, "abc");
}

TEST_F(PluginLife, AStreamEndsWhenTheClientHasGone) {
  const LoadedPlugin plugin(host, table);
  auto exchange = host.begin("GET", "/stream", {}, member, {.lagging = true});
  exchange.cancel();
  EXPECT_EQ(Everything::sent, std::vector<std::string>{});
  EXPECT_EQ(host.http.open(), 0U);
}

TEST_F(PluginLife, ATimerThatFailsOnceGoesOn) {
  const LoadedPlugin plugin(host, table);
  host.advance(std::chrono::milliseconds(3'500));
  EXPECT_EQ(Everything::ticks, 3);
  EXPECT_EQ(host.log().back().fields["error"], "a tick fails");
  host.advance(std::chrono::seconds(5));
  EXPECT_EQ(plugin.health(), "too many ticks");
}

TEST_F(PluginLife, EventsReachTheirSubscribers) {
  const LoadedPlugin plugin(host, table);
  host.events.publish("thing.made", "1", Json::object());
  host.events.publish("other.made", "2", Json::object());
  host.settle();
  EXPECT_EQ(Everything::live, std::vector<std::string>{"thing.made"});
  EXPECT_EQ(Everything::durable, (std::vector<std::string>{"1", "2"}));
}

TEST_F(PluginLife, ADurableSubscriberThatFailsGetsTheEventAgainBeforeTheNext) {
  const LoadedPlugin plugin(host, table);
  host.events.publish("a.b", "1", {{"poison", true}});
  host.events.publish("a.b", "2", Json::object());
  host.settle();
  EXPECT_TRUE(Everything::durable.empty());
  host.advance(std::chrono::milliseconds(2 * FakeEvents::retry_ms));
  EXPECT_EQ(Everything::durable, (std::vector<std::string>{"1", "2"}));
}

}  // namespace
}  // namespace atrium::testing
