// Identifiers, times and money; problems and the boundary's codes.
#include "fake_host.hpp"

#include <gtest/gtest.h>

namespace atrium::testing {
namespace {

TEST(Ids, SortByTheirCreationAndDiffer) {
  std::vector<Id> ids;
  for (int i = 0; i < 10'000; ++i) ids.push_back(Id::make());
  EXPECT_TRUE(std::is_sorted(ids.begin(), ids.end()));
  EXPECT_EQ(std::adjacent_find(ids.begin(), ids.end()), ids.end());
}

TEST(Ids, AreUuidsOfVersionSeven) {
  const auto id = Id::make();
  EXPECT_EQ(Id::parse(id.text()), id);
  EXPECT_EQ(id.text()[14], '7');
  EXPECT_NE(std::string_view("89ab").find(id.text()[19]), std::string_view::npos);
}

TEST(Ids, OnlyTheLowerCaseFormIsRead) {
  EXPECT_FALSE(Id::parse(""));
  EXPECT_FALSE(Id::parse("0190A000-0000-7000-8000-00000000000A"));
  EXPECT_FALSE(Id::parse("0190a000-0000-7000-8000-00000000000"));
  EXPECT_FALSE(Id::parse("0190a000x0000-7000-8000-00000000000a"));
  EXPECT_FALSE(Id::parse("0190a000-0000-7000-8000-00000000000g"));
}

TEST(Times, AreReadWithAnyOffsetAndWrittenInUtc) {
  EXPECT_EQ(Time::parse("2026-01-31T08:00:00Z")->text(), "2026-01-31T08:00:00.000Z");
  EXPECT_EQ(Time::parse("2026-01-31T08:00:00.1234+02:00")->text(), "2026-01-31T06:00:00.123Z");
  EXPECT_EQ(Time::parse("1969-12-31T23:59:59.999Z")->microseconds, -1000);
  EXPECT_EQ(Time{-1000}.text(), "1969-12-31T23:59:59.999Z");
}

TEST(Times, WhatIsNoTimeIsRefused) {
  for (const auto* text : {"", "2026-01-31", "2026-02-30T00:00:00Z", "2026-01-31T24:00:00Z", "2026-01-31T08:00:00",
                           "2026-01-31T08:00:00.Z", "2026-01-31T08:00:00Zx", "2026-01-31T08:00:00+2:00"})
    EXPECT_FALSE(Time::parse(text)) << text;
}

TEST(MoneyText, IsANumberWithoutTrailingZeros) {
  EXPECT_EQ(Money{0}.text(), "0");
  EXPECT_EQ(Money{1'500'000}.text(), "1.5");
  EXPECT_EQ(Money{1}.text(), "0.000001");
  EXPECT_EQ(Money{-2'000'010}.text(), "-2.00001");
  EXPECT_EQ(Money{std::numeric_limits<std::int64_t>::min()}.text(), "-9223372036854.775808");
}

TEST(Problems, SayWhatTheProblemDetailsOfRfc9457Say) {
  const Json json = Json::parse(invalid({{"/a", "is bad"}, {"/b", "is worse"}}).body("/api/v1/x", "req"));
  EXPECT_EQ(json["type"], "/problems/validation");
  EXPECT_EQ(json["status"], 422);
  EXPECT_EQ(json["instance"], "/api/v1/x");
  EXPECT_EQ(json["request_id"], "req");
  EXPECT_EQ(json["errors"][1], (Json{{"pointer", "/b"}, {"detail", "is worse"}}));
}

TEST(Problems, TextThatIsNoUtf8IsReplacedNotThrown) { EXPECT_NO_THROW(Json::parse(bad_request("\xff").body("/", ""))); }

TEST(Problems, EveryCodeOfTheBoundaryComesBackAsItself) {
  for (const auto code : {ATRIUM_E_INVALID, ATRIUM_E_NOT_FOUND, ATRIUM_E_DENIED, ATRIUM_E_CONFLICT,
                          ATRIUM_E_UNAVAILABLE, ATRIUM_E_TIMEOUT, ATRIUM_E_INTERNAL, ATRIUM_E_CANCELLED})
    EXPECT_EQ(code_for(problem_for(code, "x").status), code);
}

}  // namespace
}  // namespace atrium::testing
