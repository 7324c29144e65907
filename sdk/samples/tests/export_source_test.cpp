#include "samples_fixture.hpp"

namespace samples {
namespace {

using atrium::Json;

TEST_F(SamplesTest, an_export_shows_the_type_of_each_column) {
  const auto metadata = host.services.metadata("export.source/readings");
  std::vector<std::string> columns;
  for (const auto& column : metadata["columns"])
    columns.push_back(column["name"].get<std::string>() + ":" + column["type"].get<std::string>());
  EXPECT_EQ(columns, (std::vector<std::string>{"id:text", "sensor:text", "value:number", "created_at:time"}));
}

TEST_F(SamplesTest, an_export_is_read_page_by_page_without_a_gap) {
  for (int i = 0; i < 5; ++i) keep(i == 2 ? "attic" : "cellar");
  Json request{{"columns", {"sensor", "value"}}, {"filter", {{"sensor", "cellar"}}}, {"limit", 3}};
  const auto first = host.call("export.source/readings", "page", request).json;
  EXPECT_EQ(first["rows"].size(), 3U);
  EXPECT_EQ(first["rows"][0], Json({"cellar", 1.5}));
  request["cursor"] = first["cursor"];
  const auto second = host.call("export.source/readings", "page", request).json;
  EXPECT_EQ(second["rows"].size(), 1U);
  EXPECT_EQ(second["cursor"], "");
}

TEST_F(SamplesTest, an_export_refuses_an_unknown_column_and_filter) {
  EXPECT_EQ(host.call("export.source/readings", "page", {{"columns", {"colour"}}}).json["errors"][0]["pointer"],
            "/columns");
  EXPECT_EQ(host.call("export.source/readings", "page", {{"filter", {{"colour", 1}}}}).json["errors"][0]["pointer"],
            "/filter/colour");
}

}  // namespace
}  // namespace samples
