#include "storage/s3_xml.hpp"

#include "storage/testing/database_fixture.hpp"

namespace kernel::storage {
namespace {

using namespace testing;

TEST(S3Xml, MembersComeWithTheirPathBeforeTheirRecord) {
  std::vector<std::string> seen;
  read_s3_xml(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<List xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Item><Key a=\"1\">a&amp;b</Key><Size>7</Size></Item>"
      "<More>false</More></List>",
      [&](std::string_view path, const std::string& text) { seen.push_back(std::string(path) + '=' + text); });
  EXPECT_EQ(seen, (std::vector<std::string>{"List/Item/Key=a&b", "List/Item/Size=7", "List/Item=", "List/More=false",
                                            "List="}));
}

TEST(S3Xml, TheFirstFieldWithAPathIsFound) {
  const std::string xml = "<Error><Code>NoSuchKey</Code><Code>Other</Code></Error>";
  EXPECT_EQ(s3_xml_field(xml, "Error/Code"), "NoSuchKey");
  EXPECT_EQ(s3_xml_field(xml, "Error/Message"), std::nullopt);
  EXPECT_EQ(s3_xml_field("", "Error/Code"), std::nullopt);
  EXPECT_EQ(s3_xml_field("<html><br></html>", "Error/Code"), std::nullopt);
}

TEST(S3Xml, WhatIsNoPlainXmlIsRefused) {
  std::string deep, end;
  for (int i = 0; i < 100; ++i) deep += "<a>", end += "</a>";
  for (const auto& xml : {std::string("not xml"), std::string("<a><b></a>"), std::string("<a>"), deep + end,
                          std::string("<!DOCTYPE a [<!ENTITY e \"expanded\">]><a>&e;</a>"),
                          std::string("<!DOCTYPE a [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><a>&e;</a>")}) {
    EXPECT_EQ(code_of([&] { read_s3_xml(xml, [](std::string_view, const std::string&) {}); }), ATRIUM_E_UNAVAILABLE)
        << xml;
  }
}

}  // namespace
}  // namespace kernel::storage
