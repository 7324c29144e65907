// The provider against a scripted server: streaming, keys, prices, refusals and retries.
#include <atrium/testing/fake_host.hpp>

#include <gtest/gtest.h>

using namespace atrium::testing;
using atrium::Json;

namespace {

const Json hello{{"messages", {{{"role", "user"}, {"content", "Hello"}}}}};
const std::string said = R"(data: {"model":"gpt-x","choices":[{"delta":{"content":"Hel"}}]})"
                         "\n\n"
                         R"(data: {"model":"gpt-x","choices":[{"delta":{"content":"lo"},"finish_reason":"stop"}]})"
                         "\n\n"
                         R"(data: {"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":4}})"
                         "\n\ndata: [DONE]\n\n";

ScriptedAnswer refused(int status, const Json& headers = Json::object()) {
  return {.status = status, .pieces = {R"({"error":{"message":"because"}})"}, .headers = headers};
}

class OpenAi : public ::testing::Test {
 protected:
  void load() { plugin.emplace(host, atrium_plugin_v1()); }
  FakeServices::Pending chat(const Json& request = hello) {
    return host.begin_call("llm.provider/openai", "chat", request, nobody, std::chrono::hours(1));
  }
  FakeHost host{ATRIUM_PLUGIN_SOURCE_DIR};
  std::optional<LoadedPlugin> plugin;
};

TEST_F(OpenAi, StreamsAndCounts) {
  host.settings.environment["OPENAI_API_KEY"] = "sk-secret";
  host.settings.configuration = {{"base_url", "http://localhost:1/v1/"},
                                 {"prices", {{"gpt-x", {{"input", 2.5}, {"output", 10}}}}}};
  host.egress.answer_next({.pieces = {said.substr(0, 50), said.substr(50)}});
  load();
  const auto outcome = chat().outcome();
  ASSERT_EQ(outcome.status, ATRIUM_OK) << outcome.json;
  EXPECT_EQ(outcome.json["content"], "Hello");
  EXPECT_EQ(outcome.json["input_tokens"], 10);
  EXPECT_EQ(outcome.json["cost_usd"], 0.000065);
  EXPECT_TRUE(outcome.json["is_priced"]);
  EXPECT_EQ(outcome.pieces.front()["text"].get<std::string>().substr(0, 3), "Hel");
  const auto& sent = host.egress.sent.at(0);
  EXPECT_EQ(sent.url, "http://localhost:1/v1/chat/completions");
  EXPECT_EQ(sent.headers["authorization"], "Bearer sk-secret");
  EXPECT_EQ(sent.all["trust"], "operator");
}

TEST_F(OpenAi, WithoutAPriceTheCostIsUnknown) {
  host.egress.answer_next({.pieces = {said}});
  load();
  EXPECT_FALSE(chat().outcome().json["is_priced"]);
}

TEST_F(OpenAi, IsConfiguredByAKeyOrAnAddress) {
  load();
  EXPECT_FALSE(host.services.metadata("llm.provider/openai")["configured"]);
  plugin.reset();
  host.settings.environment["OPENAI_API_KEY"] = "sk-secret";
  load();
  EXPECT_TRUE(host.services.metadata("llm.provider/openai")["configured"]);
  EXPECT_EQ(atrium::dump(host.services.metadata("llm.provider/openai")).find("sk-secret"), std::string::npos);
}

TEST_F(OpenAi, WaitsAsLongAsTheServerAsks) {
  host.egress.answer_next(refused(429, {{"retry-after", "7"}}));
  host.egress.answer_next({.pieces = {said}});
  load();
  const auto pending = chat();
  host.advance(std::chrono::milliseconds(6'999));
  EXPECT_FALSE(pending.outcome().answered);
  host.advance(std::chrono::milliseconds(1));
  EXPECT_EQ(pending.outcome().json["content"], "Hello");
  EXPECT_EQ(host.egress.sent.size(), 2U);
}

TEST_F(OpenAi, NeverWaitsLongerThanAMinuteAndGivesUpInTheEnd) {
  host.egress.answer([](const SentRequest&) { return refused(503, {{"retry-after", "100000"}}); });
  load();
  const auto pending = chat();
  host.advance(std::chrono::minutes(5));
  EXPECT_EQ(pending.outcome().status, ATRIUM_E_UNAVAILABLE);
  EXPECT_EQ(pending.outcome().json["message"], "https://api.openai.com/v1 answered 503: because");
  EXPECT_EQ(host.egress.sent.size(), 6U);
}

TEST_F(OpenAi, WhatWillNotPassIsNotTriedAgain) {
  for (const int status : {400, 401, 404}) host.egress.answer_next(refused(status));
  load();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(chat().outcome().status, ATRIUM_E_INVALID);
  EXPECT_EQ(host.egress.sent.size(), 3U);
}

TEST_F(OpenAi, ABrokenConnectionIsTriedAgainUnlessTheAnswerHasBegun) {
  host.egress.answer_next({.status = 0, .ends_with = ATRIUM_E_UNAVAILABLE});
  host.egress.answer_next({.pieces = {said.substr(0, 80)}, .ends_with = ATRIUM_E_UNAVAILABLE, .why = "reset"});
  load();
  const auto pending = chat();
  host.advance(std::chrono::minutes(1));
  EXPECT_EQ(pending.outcome().status, ATRIUM_E_UNAVAILABLE) << pending.outcome().json;
  EXPECT_EQ(host.egress.sent.size(), 2U) << "pieces of it were shown already";
}

TEST_F(OpenAi, StopsWhenNobodyWaits) {
  host.egress.answer_next(refused(429, {{"retry-after", "30"}}));
  load();
  const auto pending = chat();
  pending.cancel();
  EXPECT_EQ(pending.outcome().status, ATRIUM_E_CANCELLED);
  host.advance(std::chrono::minutes(2));
  EXPECT_EQ(host.egress.sent.size(), 1U);
}

TEST_F(OpenAi, AHangingAnswerEndsAtTheConfiguredTimeout) {
  host.settings.configuration = {{"timeout_seconds", 5}};
  host.egress.answer([](const SentRequest&) { return ScriptedAnswer{.pieces = {said.substr(0, 80)}, .hangs = true}; });
  load();
  const auto pending = chat();
  host.advance(std::chrono::seconds(5));
  EXPECT_EQ(pending.outcome().status, ATRIUM_E_TIMEOUT);
}

}  // namespace
