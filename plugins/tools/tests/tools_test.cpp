// The tools as an agent's runner calls them.
#include <atrium/testing/fake_host.hpp>

#include <gtest/gtest.h>

#include <cmath>

using namespace atrium::testing;
using atrium::Json;

namespace {

class Tools : public ::testing::Test {
 protected:
  Json calculate(const std::string& expression) {
    return host.use_tool("calculator", {{"expression", expression}}).json;
  }
  FakeHost host{ATRIUM_PLUGIN_SOURCE_DIR};
  LoadedPlugin plugin{host, atrium_plugin_v1()};
};

TEST_F(Tools, TheCalculatorKnowsItsPrecedence) {
  EXPECT_EQ(calculate("12 * 7 + 3"), 87);
  EXPECT_EQ(calculate("(1 + 2) ^ 2 - -1"), 10);
  EXPECT_EQ(calculate("sqrt(2)").get<double>(), std::sqrt(2.0));
  EXPECT_EQ(calculate("1/3 + 1/3").get<double>(), 2.0 / 3);
}

TEST_F(Tools, WholeResultsAreWholeNumbers) {
  EXPECT_TRUE(calculate("10 / 4 * 2").is_number_integer());
  EXPECT_TRUE(calculate("1e300").is_number_float());
}

TEST_F(Tools, WhatIsNoArithmeticIsRefused) {
  for (const auto* expression : {"1 +", "2 ** 3 garbage", "1 / 0", "log(-1)", "system('x')", "a = 1", "((((("}) {
    const auto outcome = host.use_tool("calculator", {{"expression", expression}});
    EXPECT_EQ(outcome.status, ATRIUM_E_INVALID) << expression << " gave " << outcome.json;
    EXPECT_EQ(outcome.json["errors"][0]["pointer"], "/expression") << expression;
  }
  EXPECT_EQ(host.use_tool("calculator", Json::object()).status, ATRIUM_E_INVALID);
  EXPECT_EQ(host.use_tool("calculator", {{"expression", std::string(1'001, '1')}}).status, ATRIUM_E_INVALID);
}

TEST_F(Tools, DeepNestingIsRefusedOrWorkedOut) {
  const auto deep = std::string(400, '(') + "1" + std::string(400, ')');
  const auto outcome = host.use_tool("calculator", {{"expression", deep}});
  EXPECT_TRUE(outcome.status == ATRIUM_E_INVALID || outcome.json == 1) << outcome.json;
}

TEST_F(Tools, TheTimeIsShownInItsZone) {
  const auto utc = host.use_tool("current_time", Json::object());
  ASSERT_EQ(utc.status, ATRIUM_OK) << utc.json;
  EXPECT_TRUE(utc.json["time"].get<std::string>().ends_with("+00:00"));
  const auto there = host.use_tool("current_time", {{"time_zone", "Asia/Kolkata"}});
  EXPECT_TRUE(there.json["time"].get<std::string>().ends_with("+05:30")) << there.json;
  const auto parsed = atrium::Time::parse(there.json["time"].get<std::string>());
  EXPECT_TRUE(parsed && std::abs(parsed->microseconds - atrium::Time::now().microseconds) < 3'600'000'000);
}

TEST_F(Tools, AnUnknownZoneIsAFault) {
  for (const auto* zone : {"Mars/Olympus", "../../etc/passwd", "x"}) {
    const auto outcome = host.use_tool("current_time", {{"time_zone", zone}});
    EXPECT_EQ(outcome.status, ATRIUM_E_INVALID) << zone;
    EXPECT_EQ(outcome.json["errors"][0]["pointer"], "/time_zone") << zone;
  }
}

TEST_F(Tools, AnHttpRequestIsSentAsAsked) {
  host.egress.answer_next({.status = 404, .pieces = {"no ", "such"}, .headers = {{"content-type", "text/plain"}}});
  const auto outcome = host.use_tool(
      "http_request",
      {{"method", "POST"}, {"url", "https://example.org/a"}, {"body", "in"}, {"headers", {{"x-a", "b"}}}});
  EXPECT_EQ(
      outcome.json,
      (Json{
          {"status", 404}, {"headers", {{"content-type", "text/plain"}}}, {"body", "no such"}, {"truncated", false}}));
  const auto& sent = host.egress.sent.at(0);
  EXPECT_EQ(sent.method, "POST");
  EXPECT_EQ(sent.body, "in");
  EXPECT_EQ(sent.headers["x-a"], "b");
  EXPECT_EQ(sent.all["trust"], "user") << "agents choose the address, so special ranges stay closed";
}

TEST_F(Tools, FaultsOfAnHttpRequestAreNamedBeforeAnythingIsSent) {
  const auto fault = [&](const Json& arguments) {
    const auto outcome = host.use_tool("http_request", arguments);
    return outcome.status == ATRIUM_E_INVALID ? outcome.json["errors"][0]["pointer"].get<std::string>()
                                              : atrium::dump(outcome.json);
  };
  EXPECT_EQ(fault(Json::object()), "/url");
  EXPECT_EQ(fault({{"url", "https://a.example"}, {"method", "BREW"}}), "/method");
  EXPECT_EQ(fault({{"url", "https://a.example"}, {"headers", "x: y"}}), "/headers");
  EXPECT_EQ(fault({{"url", "https://a.example"}, {"headers", {{"x", 1}}}}), "/headers/x");
  EXPECT_TRUE(host.egress.sent.empty());
}

TEST_F(Tools, ALongAnswerIsCut) {
  host.egress.answer_next({.pieces = {std::string(70'000, 'x')}});
  const auto outcome = host.use_tool("http_request", {{"url", "https://example.org/"}});
  EXPECT_EQ(outcome.json["body"].get<std::string>().size(), 65'536U);
  EXPECT_TRUE(outcome.json["truncated"]);
}

TEST_F(Tools, ARefusedAddressSaysWhy) {
  host.egress.answer_next({.status = 0, .ends_with = ATRIUM_E_DENIED, .why = "this address is not public"});
  const auto outcome = host.use_tool("http_request", {{"url", "http://169.254.169.254/"}});
  EXPECT_EQ(outcome.status, ATRIUM_E_DENIED);
  EXPECT_EQ(outcome.json["message"], "this address is not public");
}

}  // namespace
