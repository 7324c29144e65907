#include "audit/csv.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace kernel::audit {
namespace {

std::string field(std::string_view text) {
  std::string line;
  csv_field(line, text);
  return line;
}

TEST(CsvTest, QuotesWhatItCarries) {
  EXPECT_EQ(field("plain"), R"("plain")");
  EXPECT_EQ(field(R"(say "hi", twice)"), R"("say ""hi"", twice")");
  EXPECT_EQ(field(""), R"("")");
}

TEST(CsvTest, GivesASpreadsheetNoFormula) {
  for (const char* text : {"=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"})
    EXPECT_EQ(field(text), std::string("\"'") + text + "\"");
}

TEST(CsvTest, ALineHasAFieldForEachColumn) {
  Entry entry;
  entry.sequence = 7;
  entry.action = "=now()";
  std::string line;
  csv_line(line, entry);
  EXPECT_EQ(line, "7,\"1970-01-01T00:00:00.000Z\",\"\",\"\",\"'=now()\",\"\",\"\",\"\",\"\",\"\",\"\"\r\n");
  const auto header = csv_header();
  EXPECT_EQ(std::count(header.begin(), header.end(), ','), std::count(line.begin(), line.end(), ','));
}

}  // namespace
}  // namespace kernel::audit
