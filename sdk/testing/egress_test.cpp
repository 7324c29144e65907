// The way out to other hosts, as a plugin meets it.
#include "fake_host.hpp"

#include <gtest/gtest.h>

namespace atrium::testing {
namespace {

class Fetcher final : public Plugin {
 public:
  void start() override {}
  /// Runs the request; its answer, or the problem's status as the answer's.
  void run(OutRequest request, std::optional<Answer>& out) { spawn(fetching(std::move(request), out)); }

 private:
  Async<void> fetching(OutRequest request, std::optional<Answer>& out) {
    try {
      auto sending = fetch(std::move(request));
      out = co_await sending;
    } catch (const Problem& problem) {
      out = Answer{-problem.status, {}, problem.detail};
    }
  }
};

class Egress : public ::testing::Test {
 protected:
  std::optional<Answer> fetch(OutRequest request) {
    std::optional<Answer> answer;
    plugin->run(std::move(request), answer);
    host.settle();
    return answer;
  }
  FakeHost host;
  PluginUnderTest<Fetcher> plugin{host};
};

TEST_F(Egress, AnAnswerIsPutTogether) {
  host.egress.answer_next({.status = 201, .pieces = {"he", "llo"}, .headers = {{"x-a", "b"}}});
  const auto answer =
      fetch({.method = "POST", .url = "https://example.org/", .body = "in", .headers = {{"accept", "text/plain"}}});
  EXPECT_EQ(answer->status, 201);
  EXPECT_EQ(answer->body, "hello");
  EXPECT_EQ(answer->header("x-a"), "b");
  EXPECT_EQ(answer->header("absent"), "");
  const auto& sent = host.egress.sent.at(0);
  EXPECT_EQ(sent.body, "in");
  EXPECT_EQ(sent.headers["accept"], "text/plain");
  EXPECT_EQ(sent.all["trust"], "user");
}

TEST_F(Egress, PiecesComeOneAfterAnotherAndMayBeRefused) {
  host.egress.answer_next({.pieces = {"a", "b", "c"}});
  std::vector<std::string> pieces;
  const auto answer = fetch({.url = "https://example.org/", .on_data = [&](std::string_view piece) {
                               pieces.emplace_back(piece);
                               return piece != "b";
                             }});
  EXPECT_EQ(pieces, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(answer->status, -499);
}

TEST_F(Egress, ABrokenConnectionIsAProblem) {
  host.egress.answer_next({.pieces = {"half"}, .ends_with = ATRIUM_E_UNAVAILABLE, .why = "reset by peer"});
  const auto answer = fetch({.url = "https://example.org/"});
  EXPECT_EQ(answer->status, -503);
  EXPECT_EQ(answer->body, "reset by peer");
}

TEST_F(Egress, AnAnswerThatDoesNotEndTimesOut) {
  host.egress.answer_next({.hangs = true});
  std::optional<Answer> answer;
  plugin->run({.url = "https://example.org/", .timeout = std::chrono::seconds(5)}, answer);
  host.advance(std::chrono::milliseconds(4'999));
  EXPECT_FALSE(answer);
  host.advance(std::chrono::milliseconds(1));
  EXPECT_EQ(answer->status, -504);
}

TEST_F(Egress, CancellationEndsIt) {
  host.egress.answer_next({.hangs = true});
  const Cancellation cancellation;
  std::optional<Answer> answer;
  plugin->run({.url = "https://example.org/", .cancellation = cancellation}, answer);
  host.settle();
  cancellation.request();
  EXPECT_EQ(answer->status, -499);
  EXPECT_EQ(host.jobs.timers(), 0U);
}

TEST_F(Egress, WhatTheManifestDoesNotGrantIsDenied) {
  host.egress.granted = "user";
  EXPECT_EQ(fetch({.url = "https://example.org/", .operator_trusts = true})->status, -403);
  host.egress.granted = "operator";
  EXPECT_EQ(fetch({.url = "https://example.org/"})->status, -403);
  host.egress.granted = Json::array({"*.example.org"});
  EXPECT_EQ(fetch({.url = "https://example.org/"})->status, -403);
  EXPECT_EQ(fetch({.url = "https://api.example.org/", .operator_trusts = true})->status, -403);
  EXPECT_TRUE(host.egress.sent.empty());
  host.egress.answer_next({.pieces = {"there"}});
  EXPECT_EQ(fetch({.url = "https://api.example.org:8443/x?y"})->body, "there");
}

}  // namespace
}  // namespace atrium::testing
