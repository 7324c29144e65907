// Names for people, and text that is none.
#include "filename.hpp"
#include "text.hpp"

#include <gtest/gtest.h>

namespace files {
namespace {

TEST(DisplayName, IsTheLastSegment) {
  for (const auto* sent : {"a.txt", "/etc/a.txt", "../../a.txt", R"(C:\Users\x\a.txt)", "dir/..\\a.txt", "  a.txt "})
    EXPECT_EQ(display_name(sent), "a.txt") << sent;
}
TEST(DisplayName, IsNeverEmptyNorADirectory) {
  for (const auto* sent : {"", ".", "..", "/", "a/..", " ", "\n", "\xe2\x80\xae"})
    EXPECT_EQ(display_name(sent), "file");
  EXPECT_EQ(display_name(".bashrc"), ".bashrc");
}
TEST(DisplayName, HidesNothing) {
  EXPECT_EQ(display_name("a\r\nSet-Cookie: x\x7f.txt"), "aSet-Cookie: x.txt");
  EXPECT_EQ(display_name("a\xe2\x80\xaetxt.exe"), "atxt.exe") << "a right-to-left override";
  EXPECT_EQ(display_name("a\xc2\x85.txt"), "a.txt");
  EXPECT_EQ(display_name(std::string_view("a\0b", 3)), "ab");
}
TEST(DisplayName, IsUtf8) {
  EXPECT_EQ(display_name("\xc3\xa4\xf0\x9f\x98\x80.txt"), "\xc3\xa4\xf0\x9f\x98\x80.txt");
  EXPECT_EQ(display_name("\xe4.txt"), "\xef\xbf\xbd.txt") << "Latin-1";
  EXPECT_EQ(display_name("\xc0\xaf.txt"), "\xef\xbf\xbd\xef\xbf\xbd.txt") << "an overlong slash";
}
TEST(DisplayName, IsShortAndKeepsItsExtension) {
  EXPECT_EQ(display_name(std::string(300, 'a') + ".txt"), std::string(251, 'a') + ".txt");
  std::string long_name;
  for (int i = 0; i < 200; ++i) long_name += "\xc3\xa4";
  const auto shown = display_name(long_name);
  EXPECT_EQ(shown.size(), 254U);
  EXPECT_EQ(utf8_prefix(shown), shown.size());
  EXPECT_EQ(display_name(std::string(300, '.') + "a").size(), 255U);
}

TEST(ContentDisposition, CarriesTheNameTwice) {
  EXPECT_EQ(content_disposition("a b.txt"), "attachment; filename=\"a b.txt\"; filename*=UTF-8''a%20b.txt");
  EXPECT_EQ(content_disposition("\xc3\xa4\"\\%.txt"),
            "attachment; filename=\"____.txt\"; filename*=UTF-8''%C3%A4%22%5C%25.txt");
}

TEST(Utf8, IsReadStrictly) {
  for (const auto* good : {"", "a", "\xc2\x80", "\xef\xbf\xbf", "\xf4\x8f\xbf\xbf", "\xed\x9f\xbf"})
    EXPECT_EQ(utf8_prefix(good), std::string_view(good).size());
  for (const auto* bad : {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
                          "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xc3"})
    EXPECT_EQ(utf8_prefix(bad), 0U);
}
TEST(Utf8, ACutSequenceIsToldFromAWrongOne) {
  for (const auto* cut : {"\xc3", "\xe2\x82", "\xf0\x9f\x98", "\xf0"}) EXPECT_TRUE(is_cut_sequence(cut));
  for (const auto* wrong : {"", "\x80", "\xff", "\xe0\x80", "\xe2x", "\xc3\xa4"}) EXPECT_FALSE(is_cut_sequence(wrong));
}

TEST(Base64, IsPadded) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foo"), "Zm9v");
  EXPECT_EQ(base64("\xff\xfe\xfd"), "//79");
}

}  // namespace
}  // namespace files
