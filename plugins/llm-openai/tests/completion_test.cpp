// OpenAI's stream as our answer, in pieces of any size.
#include "completion.hpp"

#include <gtest/gtest.h>

namespace openai {
namespace {

using atrium::Json;

std::string event(const Json& json) { return "data: " + json.dump() + "\n\n"; }
Json delta(const Json& members, const Json& finish = nullptr) {
  return {{"model", "m-1"}, {"choices", {{{"index", 0}, {"delta", members}, {"finish_reason", finish}}}}};
}
const std::string greeting =
    event(delta({{"role", "assistant"}, {"content", ""}})) + event(delta({{"content", "Hä"}})) + ": a comment\n\n" +
    event(delta({{"content", "llo"}})) + event(delta(Json::object(), "stop")) +
    event({{"choices", Json::array()}, {"usage", {{"prompt_tokens", 12}, {"completion_tokens", 3}}}}) +
    "data: [DONE]\n\n";

void expect_greeting(Completion& completion, const std::string& text) {
  EXPECT_EQ(text, "Hällo");
  const auto answer = completion.finish();
  EXPECT_EQ(answer.content, "Hällo");
  EXPECT_EQ(answer.model, "m-1");
  EXPECT_EQ(answer.finish_reason, "stop");
  EXPECT_EQ(answer.input_tokens, 12);
  EXPECT_EQ(answer.output_tokens, 3);
}

TEST(Completion, PiecesMayEndAnywhere) {
  for (std::size_t size : {std::size_t{1}, std::size_t{2}, std::size_t{7}, greeting.size()}) {
    Completion completion;
    std::string text;
    for (std::size_t at = 0; at < greeting.size(); at += size)
      text += completion.feed(std::string_view(greeting).substr(at, size));
    expect_greeting(completion, text);
  }
}

TEST(Completion, LinesMayEndInCarriageReturns) {
  std::string with_returns;
  for (const char c : greeting) with_returns += c == '\n' ? "\r\n" : std::string(1, c);
  Completion completion;
  const auto text = completion.feed(with_returns);
  expect_greeting(completion, text);
}

TEST(Completion, ToolCallsArePutTogetherByTheirIndex) {
  Completion completion;
  const auto call = [](int index, const Json& members) {
    Json one{{"index", index}};
    one.update(members);
    return event(delta({{"tool_calls", {one}}}));
  };
  completion.feed(call(0, {{"id", "a"}, {"function", {{"name", "calculator"}, {"arguments", ""}}}}));
  completion.feed(call(1, {{"id", "b"}, {"function", {{"name", "current_time"}}}}));
  completion.feed(call(0, {{"function", {{"arguments", "{\"expression\":"}}}}) +
                  call(0, {{"function", {{"arguments", "\"1+1\"}"}}}}));
  completion.feed(event(delta(Json::object(), "tool_calls")));
  const auto answer = completion.finish();
  ASSERT_EQ(answer.tool_uses.size(), 2U);
  EXPECT_EQ(answer.tool_uses[0].id, "a");
  EXPECT_EQ(answer.tool_uses[0].name, "calculator");
  EXPECT_EQ(answer.tool_uses[0].arguments, (Json{{"expression", "1+1"}}));
  EXPECT_EQ(answer.tool_uses[1].arguments, Json::object());
}

TEST(Completion, ArgumentsThatAreNoJsonAreKeptForTheToolToRefuse) {
  Completion completion;
  completion.feed(event(
      delta({{"tool_calls", {{{"index", 0}, {"function", {{"name", "t"}, {"arguments", "{oops"}}}}}}}, "tool_calls")));
  const auto answer = completion.finish();
  EXPECT_EQ(answer.tool_uses.at(0).arguments, (Json{{"not_json", "{oops"}}));
  EXPECT_FALSE(answer.tool_uses.at(0).id.empty());
}

TEST(Completion, AnErrorInsideTheStreamIsTheProvidersProblem) {
  Completion completion;
  try {
    completion.feed(event({{"error", {{"message", "overloaded"}}}}));
    ADD_FAILURE();
  } catch (const atrium::Problem& problem) {
    EXPECT_EQ(problem.status, 502);
    EXPECT_EQ(problem.detail, "overloaded");
  }
}

TEST(Completion, WhatIsCutOffIsNoAnswer) {
  Completion completion;
  completion.feed(event(delta({{"content", "half"}})));
  EXPECT_TRUE(completion.has_begun());
  EXPECT_THROW(completion.finish(), atrium::Problem);
}

TEST(Completion, HostileStreamsAreRefusedAndNeverCrash) {
  EXPECT_THROW(Completion().feed("data: {oops\n"), atrium::Problem);
  EXPECT_THROW(Completion().feed("data: []\n"), atrium::Problem);
  EXPECT_THROW(Completion().feed(std::string(5 << 20, 'x')), atrium::Problem) << "a line without end";
  for (const auto* strange : {R"({"choices":7})", R"({"choices":[7]})", R"({"choices":[{"delta":7}]})",
                              R"({"choices":[{"delta":{"content":7}}]})", R"({"choices":[{"delta":{"tool_calls":7}}]})",
                              R"({"choices":[{"delta":{"tool_calls":[7]}}]})",
                              R"({"choices":[{"delta":{"tool_calls":[{"index":"x","function":7}]}}]})",
                              R"({"usage":{"prompt_tokens":"x"}})", R"({"model":7})"}) {
    Completion completion;
    try {
      completion.feed("data: " + std::string(strange) + "\n");
    } catch (const atrium::Problem&) {
    }
  }
}

TEST(Request, IsTheirsInEveryPart) {
  atrium::llm::ChatRequest request;
  request.messages = {
      {"user", "q", {}, {}}, {"assistant", "", {}, {{"id1", "calc", {{"x", 1}}}}}, {"tool", "2", "id1", {}}};
  request.tools = {{"calc", "adds", {{"type", "object"}}}};
  request.temperature = 0.5;
  request.max_tokens = 100;
  const Json body = Json::parse(request_body(request, "default-model"));
  EXPECT_EQ(body["model"], "default-model");
  EXPECT_EQ(body["stream"], true);
  EXPECT_EQ(body["stream_options"]["include_usage"], true);
  EXPECT_EQ(body["messages"][1]["tool_calls"][0]["function"]["arguments"], R"({"x":1})");
  EXPECT_EQ(body["messages"][2]["tool_call_id"], "id1");
  EXPECT_EQ(body["tools"][0]["function"]["name"], "calc");
  EXPECT_EQ(body["temperature"], 0.5);
  EXPECT_EQ(body["max_tokens"], 100);
}

TEST(Cost, IsExactToTheMicroDollar) {
  EXPECT_EQ(cost({0.15, 0.6}, 1'000'000, 1'000'000).micros, 750'000);
  EXPECT_EQ(cost({2.5, 10}, 1'234, 567).micros, 8'755);
  EXPECT_EQ(cost({}, 100, 100).micros, 0);
}

}  // namespace
}  // namespace openai
