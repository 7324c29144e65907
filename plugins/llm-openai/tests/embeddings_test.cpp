// The provider of embeddings against a scripted server: batches, order, refusals and retries.
#include <atrium/testing/fake_host.hpp>

#include <gtest/gtest.h>

using namespace atrium::testing;
using atrium::Json;

namespace {

const std::string service = "embedding.provider/openai";

/// A vector for each text of the request, the last first: its length, and 1.
ScriptedAnswer embedded(const SentRequest& request) {
  const Json asked = Json::parse(request.body);
  Json answer{{"model", "m-001"}, {"usage", {{"prompt_tokens", 3}}}};
  for (std::size_t i = asked["input"].size(); i-- > 0;)
    answer["data"].push_back({{"index", i}, {"embedding", {asked["input"][i].get<std::string>().size(), 1}}});
  return {.pieces = {answer.dump()}};
}

class Embeddings : public ::testing::Test {
 protected:
  void load(Json settings = {{"embedding_model", "m"}}) {
    host.settings.configuration = std::move(settings);
    plugin.emplace(host, atrium_plugin_v1());
  }
  FakeServices::Pending embed(const std::vector<std::string>& texts) {
    return host.begin_call(service, "embed", {{"texts", texts}}, nobody, std::chrono::hours(1));
  }
  Json sent(std::size_t at) { return Json::parse(host.egress.sent.at(at).body); }
  FakeHost host{ATRIUM_PLUGIN_SOURCE_DIR};
  std::optional<LoadedPlugin> plugin;
};

TEST_F(Embeddings, AnswersAVectorForEachTextInTheirOrder) {
  host.settings.environment["OPENAI_API_KEY"] = "sk-secret";
  host.egress.answer(embedded);
  load({{"base_url", "http://localhost:1/v1/"}, {"embedding_model", "m"}, {"embedding_dimensions", 2}});
  const auto outcome = embed({"a", "four"}).outcome();
  ASSERT_EQ(outcome.status, ATRIUM_OK) << outcome.json;
  EXPECT_EQ(outcome.json, (Json{{"model", "m"}, {"vectors", {{1.0, 1.0}, {4.0, 1.0}}}, {"tokens", 3}}));
  EXPECT_EQ(sent(0), (Json{{"model", "m"}, {"input", {"a", "four"}}, {"encoding_format", "float"}, {"dimensions", 2}}));
  EXPECT_EQ(host.egress.sent.at(0).url, "http://localhost:1/v1/embeddings");
  EXPECT_EQ(host.egress.sent.at(0).headers["authorization"], "Bearer sk-secret");
  EXPECT_EQ(host.egress.sent.at(0).all["trust"], "operator");
  EXPECT_EQ(host.services.metadata(service)["model"], "m/2") << "vectors of other dimensions cannot be compared";
}

TEST_F(Embeddings, AreSentInBatchesThatTheServerTakes) {
  host.egress.answer(embedded);
  load({{"embedding_model", "m"}, {"embedding_batch", 2}});
  const auto outcome = embed({"a", "bb", "ccc", "dddd", "eeeee"}).outcome();
  ASSERT_EQ(outcome.json["vectors"].size(), 5U) << outcome.json;
  EXPECT_EQ(outcome.json["vectors"][4][0], 5.0);
  EXPECT_EQ(outcome.json["tokens"], 9);
  EXPECT_EQ(host.egress.sent.size(), 3U);
}

TEST_F(Embeddings, NothingLeavesTheHouseUntilAModelIsNamed) {
  host.settings.environment["OPENAI_API_KEY"] = "sk-secret";
  load(Json::object());
  EXPECT_FALSE(host.services.metadata(service)["configured"]);
  EXPECT_EQ(embed({"a"}).outcome().status, ATRIUM_E_INVALID);
  EXPECT_TRUE(host.egress.sent.empty());
  plugin.reset();
  host.settings.environment["OPENAI_EMBEDDING_MODEL"] = "m";
  load(Json::object());
  EXPECT_TRUE(host.services.metadata(service)["configured"]);
}

TEST_F(Embeddings, WaitAsLongAsTheServerAsks) {
  host.egress.answer_next({.status = 429, .headers = {{"retry-after", "7"}}});
  host.egress.answer(embedded);
  load();
  const auto pending = embed({"a"});
  host.advance(std::chrono::milliseconds(6'999));
  EXPECT_FALSE(pending.outcome().answered);
  host.advance(std::chrono::milliseconds(1));
  EXPECT_EQ(pending.outcome().status, ATRIUM_OK) << pending.outcome().json;
}

TEST_F(Embeddings, WhatTheServerRefusesIsToldAndNotTriedAgain) {
  host.egress.answer_next({.status = 404, .pieces = {R"({"error":{"message":"no such model"}})"}});
  load();
  const auto outcome = embed({"a"}).outcome();
  EXPECT_EQ(outcome.status, ATRIUM_E_INVALID);
  EXPECT_EQ(outcome.json["message"], "https://api.openai.com/v1 answered 404: no such model");
  EXPECT_EQ(host.egress.sent.size(), 1U);
}

TEST_F(Embeddings, AnAnswerThatDoesNotFitTheTextsIsRefused) {
  for (const auto* body :
       {"<html>", "[]", R"({"data":[{"index":0,"embedding":[1]}]})", R"({"data":[{"index":7,"embedding":[1]}]})",
        R"({"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]})",
        R"({"data":[{"index":0,"embedding":[1]},{"index":-1,"embedding":[1]}]})",
        R"({"data":[{"index":0,"embedding":[1,2]},{"index":1,"embedding":[1]}]})",
        R"({"data":[{"index":0,"embedding":["x"]},{"index":1,"embedding":[null]}]})"}) {
    host.egress.answer_next({.pieces = {body}});
    if (!plugin) load();
    const auto outcome = embed({"a", "b"}).outcome();
    EXPECT_EQ(outcome.status, ATRIUM_E_INTERNAL) << body;
    EXPECT_EQ(outcome.json["status"], 502) << body << outcome.json;
  }
}

}  // namespace
