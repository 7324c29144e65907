// RFC 9110: ranges and conditions of a download.
#include "selection.hpp"

#include <gtest/gtest.h>

#include <tuple>

namespace files {
namespace {

constexpr std::int64_t modified = 1'795'539'600;
const std::string date = "Tue, 24 Nov 2026 17:00:00 GMT", before = "Tue, 24 Nov 2026 16:59:59 GMT",
                  after = "Wed, 25 Nov 2026 17:00:00 GMT";
const Representation file{"\"abc\"", modified, 100};

using Selected = std::tuple<int, std::int64_t, std::int64_t>;
Selected selected(const Conditions& asked, const Representation& of = file) {
  const auto found = select(of, asked);
  return {found.status, found.offset, found.length};
}
Selected range(std::string_view text, const Representation& of = file) { return selected({.range = text}, of); }
const Selected whole{200, 0, 100}, none{416, 0, 0};

TEST(Ranges, AreSelected) {
  EXPECT_EQ(selected({}), whole);
  EXPECT_EQ(range("bytes=0-9"), Selected(206, 0, 10));
  EXPECT_EQ(range("bytes=10-"), Selected(206, 10, 90));
  EXPECT_EQ(range("bytes=-10"), Selected(206, 90, 10));
  EXPECT_EQ(range("bytes=90-1000"), Selected(206, 90, 10));
  EXPECT_EQ(range("bytes=-1000"), Selected(206, 0, 100));
  EXPECT_EQ(range("bytes=99-99"), Selected(206, 99, 1));
  EXPECT_EQ(range(" bytes = 0 - 9 "), Selected(206, 0, 10));
  EXPECT_EQ(range("bytes=0-99999999999999999999999"), Selected(206, 0, 100));
}
TEST(Ranges, OutsideOfTheFileAreUnsatisfiable) {
  for (const auto* text : {"bytes=100-", "bytes=100-200", "bytes=-0", "bytes=99999999999999999999999-"})
    EXPECT_EQ(range(text), none) << text;
  const Representation empty{"\"e\"", modified, 0};
  EXPECT_EQ(range("bytes=0-", empty), none);
  EXPECT_EQ(range("bytes=-5", empty), none);
  EXPECT_EQ(selected({}, empty), Selected(200, 0, 0));
}
TEST(Ranges, ThatAreNoneOrSeveralGiveTheWhole) {
  for (const auto* text : {"", "bytes", "bytes=", "bytes=-", "bytes=5", "bytes=9-5", "bytes=a-b", "items=0-9",
                           "bytes=0-9,20-29", "bytes=+1-2", "bytes=1-2-3", "bytes=--5"})
    EXPECT_EQ(range(text), whole) << text;
}

TEST(Conditions, IfNoneMatchComparesWeakly) {
  for (const auto* tags : {"\"abc\"", "W/\"abc\"", "*", "\"x\", \"abc\"", "\"x\",W/\"abc\" "})
    EXPECT_EQ(std::get<0>(selected({.if_none_match = tags})), 304) << tags;
  for (const auto* tags : {"", "\"x\"", "abc", ","}) EXPECT_EQ(selected({.if_none_match = tags}), whole) << tags;
  EXPECT_EQ(selected({.if_none_match = "\"x\"", .if_modified_since = after}), whole) << "the tag decides alone";
}
TEST(Conditions, IfMatchComparesStrongly) {
  for (const auto* tags : {"\"abc\"", "*", "\"x\", \"abc\""}) EXPECT_EQ(selected({.if_match = tags}), whole) << tags;
  for (const auto* tags : {"\"x\"", "W/\"abc\""}) EXPECT_EQ(std::get<0>(selected({.if_match = tags})), 412) << tags;
}
TEST(Conditions, DatesCompareToTheSecond) {
  EXPECT_EQ(std::get<0>(selected({.if_modified_since = date})), 304);
  EXPECT_EQ(std::get<0>(selected({.if_modified_since = after})), 304);
  EXPECT_EQ(selected({.if_modified_since = before}), whole);
  EXPECT_EQ(selected({.if_modified_since = "yesterday"}), whole);
  EXPECT_EQ(selected({.if_unmodified_since = date}), whole);
  EXPECT_EQ(std::get<0>(selected({.if_unmodified_since = before})), 412);
}
TEST(Conditions, ARangeOfAnotherFileGivesTheWhole) {
  for (const auto& of : {std::string("\"abc\""), date})
    EXPECT_EQ(selected({.if_range = of, .range = "bytes=0-9"}), Selected(206, 0, 10)) << of;
  for (const auto& of : {std::string("\"x\""), std::string("W/\"abc\""), before, after, std::string("junk")})
    EXPECT_EQ(selected({.if_range = of, .range = "bytes=0-9"}), whole) << of;
}

TEST(HttpDates, AreWrittenAndRead) {
  EXPECT_EQ(http_date(modified), date);
  EXPECT_EQ(parse_http_date(date), modified);
  for (const auto* junk : {"", "Tue, 24 Nov 2026 17:00:00", "Tue, 24 Nix 2026 17:00:00 GMT", "24 Nov 2026 17:00:00 GMT",
                           "Tue, 24 Nov 2026 17:00:00 GMT more"})
    EXPECT_EQ(parse_http_date(junk), std::nullopt) << junk;
}

}  // namespace
}  // namespace files
