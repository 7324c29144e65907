// The provider: it streams its answer word by word, and stops when nobody waits any more.
#include <atrium/llm.hpp>
#include <atrium/testing/fake_host.hpp>

#include <gtest/gtest.h>

using namespace atrium::testing;
using atrium::Json;

namespace {

const Json hello{{"messages", {{{"role", "user"}, {"content", "Hello"}}}}};

std::string text_of_pieces(const Outcome& outcome) {
  std::string text;
  for (const auto& piece : outcome.pieces) text += piece["text"].get<std::string>();
  return text;
}

TEST(RehearsalProvider, StreamsWhatItAnswers) {
  FakeHost host(ATRIUM_PLUGIN_SOURCE_DIR);
  const LoadedPlugin plugin(host, atrium_plugin_v1());
  const auto outcome = host.call("llm.provider/rehearsal", "chat", hello);
  ASSERT_EQ(outcome.status, ATRIUM_OK) << outcome.json;
  EXPECT_GT(outcome.pieces.size(), 5U);
  EXPECT_EQ(text_of_pieces(outcome), outcome.json["content"]);
  EXPECT_TRUE(host.services.metadata("llm.provider/rehearsal")["rehearsal"]);
}

TEST(RehearsalProvider, TakesItsTimeWhenToldTo) {
  FakeHost host(ATRIUM_PLUGIN_SOURCE_DIR);
  host.settings.configuration = {{"delay_ms", 100}};
  const LoadedPlugin plugin(host, atrium_plugin_v1());
  const auto pending = host.begin_call("llm.provider/rehearsal", "chat", hello);
  EXPECT_EQ(pending.outcome().pieces.size(), 1U);
  host.advance(std::chrono::milliseconds(250));
  EXPECT_EQ(pending.outcome().pieces.size(), 3U);
  pending.cancel();
  EXPECT_EQ(pending.outcome().status, ATRIUM_E_CANCELLED);
  host.advance(std::chrono::seconds(10));
  EXPECT_EQ(pending.outcome().pieces.size(), 3U);
}

TEST(RehearsalProvider, RefusesARequestWithoutMessages) {
  FakeHost host(ATRIUM_PLUGIN_SOURCE_DIR);
  const LoadedPlugin plugin(host, atrium_plugin_v1());
  EXPECT_EQ(host.call("llm.provider/rehearsal", "chat").status, ATRIUM_E_INVALID);
}

}  // namespace
