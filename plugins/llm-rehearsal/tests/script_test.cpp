// What the rehearsal says: the same conversation always gets the same answer.
#include "script.hpp"

#include <gtest/gtest.h>

namespace rehearsal {
namespace {

using atrium::Json;
using namespace atrium::llm;

ChatRequest asked(const std::string& instructions, const std::vector<std::string>& tools = {},
                  const std::string& system = {}) {
  ChatRequest request;
  if (!system.empty()) request.messages.push_back({"system", system, {}, {}});
  request.messages.push_back({"user", instructions, {}, {}});
  for (const auto& tool : tools) request.tools.push_back({tool, {}, Json::object()});
  return request;
}

/// The conversation goes on with the answer, and with what its tools gave.
void go_on(ChatRequest& request, const ChatAnswer& answer, const std::string& result) {
  request.messages.push_back({"assistant", answer.content, {}, answer.tool_uses});
  for (const auto& use : answer.tool_uses) request.messages.push_back({"tool", result, use.id, {}});
}

TEST(Rehearsal, UsesEachToolThatTheInstructionsCallForOnceAndTellsTheResults) {
  auto request = asked("What is 12 * 7 + 3? And the current time?", {"calculator", "current_time"});
  auto answer = next(request);
  ASSERT_EQ(answer.tool_uses.size(), 1U);
  EXPECT_EQ(answer.finish_reason, "tool_calls");
  EXPECT_EQ(answer.tool_uses[0].name, "calculator");
  EXPECT_EQ(answer.tool_uses[0].arguments, (Json{{"expression", "12 * 7 + 3"}}));
  go_on(request, answer, "87");
  answer = next(request);
  ASSERT_EQ(answer.tool_uses.size(), 1U);
  EXPECT_EQ(answer.tool_uses[0].name, "current_time");
  go_on(request, answer, "noon");
  answer = next(request);
  EXPECT_TRUE(answer.tool_uses.empty());
  EXPECT_EQ(answer.finish_reason, "stop");
  EXPECT_NE(answer.content.find("calculator gave 87."), std::string::npos) << answer.content;
  EXPECT_NE(answer.content.find("current_time gave noon."), std::string::npos) << answer.content;
}

TEST(Rehearsal, EveryFinalAnswerSaysThatNoModelWasAsked) {
  EXPECT_EQ(next(asked("Hello")).content, "This is a rehearsal: no language model was asked. It was told: Hello");
  EXPECT_EQ(next(asked("Hello", {}, R"(rehearsal-script: [{"say": "Hi"}])")).content,
            "This is a rehearsal: no language model was asked. Hi");
}

TEST(Rehearsal, ToolsThatAreNotOfferedAreNotUsed) {
  EXPECT_TRUE(next(asked("What is 1 + 1?", {"current_time"})).tool_uses.empty());
}

TEST(Rehearsal, FindsAddressesChannelsAndTasks) {
  const std::vector<std::string> tools{"http_request", "message_send", "task_create"};
  EXPECT_EQ(next(asked("Fetch https://example.org/a?b=c please", tools)).tool_uses.at(0).arguments["url"],
            "https://example.org/a?b=c");
  EXPECT_EQ(next(asked("Tell #general about it", tools)).tool_uses.at(0).arguments["channel"], "general");
  EXPECT_EQ(next(asked("Create a task: Water the plants.", tools)).tool_uses.at(0).arguments["title"],
            "Water the plants");
}

TEST(Rehearsal, PlaysItsScriptLineByLine) {
  auto request = asked("whatever 1 + 1", {"calculator"},
                       "You are kind.\nrehearsal-script: [{\"tool\": \"calculator\", \"arguments\": {\"expression\": "
                       "\"2*3\"}}, {\"say\": \"six\"}]\nBe brief.");
  const auto first = next(request);
  EXPECT_EQ(first.tool_uses.at(0).arguments, (Json{{"expression", "2*3"}}));
  go_on(request, first, "6");
  EXPECT_EQ(next(request).content, "This is a rehearsal: no language model was asked. six");
}

TEST(Rehearsal, AScriptThatIsNoJsonIsPassedOver) {
  EXPECT_EQ(next(asked("Hello", {}, "rehearsal-script: [oops")).content,
            "This is a rehearsal: no language model was asked. It was told: Hello");
}

TEST(Rehearsal, CountsTokensAndIsFree) {
  const auto request = asked("Hello");
  const auto answer = next(request);
  EXPECT_EQ(answer.model, "rehearsal");
  EXPECT_GT(answer.input_tokens, 0);
  EXPECT_GT(answer.output_tokens, 0);
  EXPECT_TRUE(answer.is_priced);
  EXPECT_EQ(answer.cost_usd.micros, 0);
  EXPECT_EQ(as_json(next(request)), as_json(answer));
}

}  // namespace
}  // namespace rehearsal
