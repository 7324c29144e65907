// What bytes are, and whether a claim fits them.
#include "kind.hpp"

#include <gtest/gtest.h>

namespace files {
namespace {

using namespace std::string_literals;

const Sniffer& sniffer() {
  static const Sniffer all;
  return all;
}

const std::string png = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89"s;
const std::string jpeg = "\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0"s;
const std::string pdf = "%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n";
const std::string zip = "PK\x03\x04\x14\0\0\0\0\0"s + std::string(30, '\0') + "x.bin";
const std::string unknown = "\x01\x02\xfe\xfd\x80\x81\0\x07\xc3\x28"s;

TEST(Sniffing, FindsWhatTheBytesAre) {
  EXPECT_EQ(sniffer().sniff(png).type, "image/png");
  EXPECT_EQ(sniffer().sniff(jpeg).type, "image/jpeg");
  EXPECT_EQ(sniffer().sniff(pdf).type, "application/pdf");
  EXPECT_EQ(sniffer().sniff(zip).type, "application/zip");
  EXPECT_EQ(sniffer().sniff("hello, world\n").type, "text/plain");
  EXPECT_EQ(sniffer().sniff("{\"a\": 1}").type, "application/json");
  EXPECT_EQ(sniffer().sniff(unknown).type, "application/octet-stream");
  EXPECT_EQ(sniffer().sniff("").type, "application/octet-stream");
}

TEST(Sniffing, KnowsTextOfEveryLanguage) {
  for (const auto* text : {"hello\n", "\xc3\xa4\xc3\xb6\xc3\xbc und mehr\n", "{\"a\": 1}",
                           "<?xml version=\"1.0\"?><a/>", "#!/bin/sh\necho\n", "a,b\n1,2\n"})
    EXPECT_TRUE(sniffer().sniff(text).is_text) << text;
  for (const auto& bytes : {png, zip, unknown}) EXPECT_FALSE(sniffer().sniff(bytes).is_text);
}

TEST(Sniffing, ALongTextThatEndsInsideACharacterIsText) {
  std::string text;
  while (text.size() < Sniffer::enough - 1) text += "word ";
  text.resize(Sniffer::enough - 1);
  EXPECT_TRUE(sniffer().sniff(text + "\xc3").is_text);
}

struct Claimed {
  std::string_view claim;
  std::string bytes;
};
Claimed fitting[] = {{"", png},
                     {"application/octet-stream", png},
                     {"image/png", png},
                     {"IMAGE/PNG; x=y", png},
                     {"image/x-png", png},
                     {"image/jpg", jpeg},
                     {"application/pdf", pdf},
                     // Text is text.
                     {"text/plain", "hello\n"},
                     {"text/markdown", "# hello\n"},
                     {"text/csv", "a,b\n1,2\n"},
                     {"text/plain; charset=utf-8", "{}"},
                     {"application/json", "not json yet, but text\n"},
                     {"application/yaml", "a: b\n"},
                     {"image/svg+xml", "<svg/>\n"},
                     {"application/x-tex", "hello\n"},
                     {"video/mp2t", "const a: number = 1;\n"},
                     // Documents inside of archives.
                     {"application/vnd.openxmlformats-officedocument.wordprocessingml.document", zip},
                     {"application/epub+zip", zip},
                     {"application/x-zip-compressed", zip},
                     // What nobody knows, and nothing at all.
                     {"application/vnd.example.model", unknown},
                     {"audio/x-rare", unknown},
                     {"image/png", ""},
                     {"text/plain", ""}};
Claimed refused[] = {{"image/png", jpeg},
                     {"image/jpeg", png},
                     {"text/plain", png},
                     {"application/pdf", png},
                     {"image/png", pdf},
                     {"image/png", "hello\n"},
                     {"application/pdf", "hello\n"},
                     {"application/zip", "hello\n"},
                     {"audio/mpeg", "hello\n"},
                     {"text/html", zip},
                     {"image/png", unknown},
                     {"application/pdf", unknown},
                     {"text/plain", unknown},
                     {"application/vnd.openxmlformats-officedocument.wordprocessingml.document", pdf},
                     {"application/vnd.example.model", png}};

TEST(Claims, ThatFitAreTaken) {
  for (const auto& [claim, bytes] : fitting)
    EXPECT_TRUE(fits(claim, sniffer().sniff(bytes))) << claim << " for " << sniffer().sniff(bytes).type;
}
TEST(Claims, OfAnotherKindAreRefused) {
  for (const auto& [claim, bytes] : refused)
    EXPECT_FALSE(fits(claim, sniffer().sniff(bytes))) << claim << " for " << sniffer().sniff(bytes).type;
}

TEST(Claims, OfTheSameFamilyFit) {
  EXPECT_TRUE(fits("audio/mp4", {"video/mp4"}));
  EXPECT_TRUE(fits("audio/ogg", {"application/ogg"}));
  EXPECT_TRUE(fits("font/ttf", {"font/sfnt"}));
  EXPECT_TRUE(fits("application/x-font-ttf", {"font/sfnt"}));
  EXPECT_TRUE(fits("application/x-msdos-program", {"application/x-dosexec"}));
  EXPECT_TRUE(fits("application/msword", {"application/x-ole-storage"}));
  EXPECT_TRUE(fits("application/zip", {"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}));
  EXPECT_FALSE(fits("application/epub+zip", {"application/vnd.oasis.opendocument.text"}));
  EXPECT_FALSE(fits("image/png", {"video/mp4"}));
}

}  // namespace
}  // namespace files
