#include "observability/log.hpp"

#include "observability/printable.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <functional>

namespace kernel::observability {
namespace {

class Log : public testing::Test {
 protected:
  void TearDown() override { setup_log(Level::info, false); }

  static std::string written(const std::function<void()>& work) {
    testing::internal::CaptureStderr();
    work();
    return testing::internal::GetCapturedStderr();
  }
};

std::size_t lines(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

TEST_F(Log, JsonLinesCarryComponentMessageAndFields) {
  setup_log(Level::info, true);
  const auto text = written([] { log(Level::warning, "storage", "slow", R"({"ms": 12, "sql": "SELECT"})"); });
  const auto line = nlohmann::json::parse(text);
  EXPECT_EQ(line.at("level"), "warning");
  EXPECT_EQ(line.at("component"), "storage");
  EXPECT_EQ(line.at("message"), "slow");
  EXPECT_EQ(line.at("fields"), (nlohmann::json{{"ms", 12}, {"sql", "SELECT"}}));
  EXPECT_EQ(line.at("time").get<std::string>().back(), 'Z');
}

TEST_F(Log, TextLinesAreForPeople) {
  const auto text = written([] { log(Level::info, "http", "listening", R"({"port": 8000, "host": "::1"})"); });
  EXPECT_NE(text.find(" [http] listening host=\"::1\" port=8000\n"), std::string::npos) << text;
}

TEST_F(Log, NobodyCanForgeALine) {
  const std::string hostile =
      "x\n2026-01-01T00:00:00.000Z info [auth] admin signed in\r\x1b[2J\0\x7f\xc2\x9b\xe2\x80\xa8";
  for (const bool as_json : {false, true}) {
    setup_log(Level::info, as_json);
    const auto fields = nlohmann::json{{hostile, hostile}}.dump();
    const auto text = written([&] {
      log(Level::info, hostile, hostile, fields);
      log(Level::info, "c", "broken fields", "{\"a\":\n1");
    });
    EXPECT_EQ(lines(text), 2u) << text;
    EXPECT_EQ(text.find_first_of("\r\x1b\x7f"), std::string::npos) << text;
    EXPECT_EQ(text.find("\xc2\x9b"), std::string::npos);
    EXPECT_EQ(text.find("\xe2\x80\xa8"), std::string::npos);
  }
}

TEST_F(Log, InvalidUtf8DoesNotLoseTheLine) {
  setup_log(Level::info, true);
  const auto text = written([] { log(Level::info, "c", "a\xff\xc0\xafz", "{\"k\":\"\xff\"}"); });
  EXPECT_EQ(nlohmann::json::parse(text).at("message"), "a\\xff\\xc0\\xafz");
}

TEST_F(Log, LongTextsAreCut) {
  const auto text = written([] { log(Level::info, "c", std::string(1 << 20, 'x'), std::string(1 << 20, 'y')); });
  EXPECT_LT(text.size(), 40'000u);
  EXPECT_EQ(lines(text), 1u);
}

TEST_F(Log, LevelsBelowTheLeastAreLeftOut) {
  setup_log(Level::warning, false);
  EXPECT_FALSE(log_enabled(Level::info));
  EXPECT_TRUE(log_enabled(Level::error));
  EXPECT_EQ(written([] { log(Level::info, "c", "hidden"); }), "");
}

TEST(Printable, KeepsTextAndEscapesTheRest) {
  EXPECT_EQ(printable("Gr\u00fc\u00dfe \u4f60\u597d \U0001f600", 100), "Gr\u00fc\u00dfe \u4f60\u597d \U0001f600");
  EXPECT_EQ(printable("a\tb\x01", 100), "a\\x09b\\x01");
  EXPECT_EQ(printable("\xed\xa0\x80", 100), "\\xed\\xa0\\x80");           // a surrogate
  EXPECT_EQ(printable("\xf4\x90\x80\x80", 100), "\\xf4\\x90\\x80\\x80");  // above U+10FFFF
  EXPECT_EQ(printable("\xe2\x80\xae", 100), "\\xe2\\x80\\xae");           // right-to-left override
  EXPECT_EQ(printable("\xe4\xbd", 100), "\\xe4\\xbd");                    // cut short
  EXPECT_EQ(printable("abcdef", 3), "abc...");
}

}  // namespace
}  // namespace kernel::observability
