#include "routing/openapi.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include <vector>

namespace kernel::routing {
namespace {

using nlohmann::json;

std::vector<Route> routes() {
  const json thing{{"type", "object"}, {"properties", {{"title", {{"type", "string"}}}}}};
  std::vector<Route> list;
  list.push_back(
      Route::from_declaration("things", {{"method", "GET"},
                                         {"path", "/things/{id}"},
                                         {"access", {"user"}},
                                         {"summary", "Read"},
                                         {"answers", {{"200", thing}}},
                                         {"query", {{{"name", "full"}, {"schema", {{"type", "boolean"}}}}}}}));
  list.push_back(Route::from_declaration("things", {{"method", "PATCH"},
                                                    {"path", "/things/{id}"},
                                                    {"access", {"user"}},
                                                    {"body", thing},
                                                    {"required", true},
                                                    {"answers", {{"200", thing}}}}));
  list.push_back(
      Route::from_declaration("kernel", {{"method", "GET"}, {"path", "/up"}, {"access", {"none"}}, {"at_root", true}}));
  return list;
}

TEST(OpenApiDescription, FollowsFromTheDeclarations) {
  Table table;
  table.replace("x", routes());
  const auto document = json::parse(*OpenApi(table).text());
  EXPECT_EQ(document["openapi"], "3.1.0");
  const auto& read = document["paths"]["/things/{id}"]["get"];
  EXPECT_EQ(read["operationId"], "get_things_id");
  EXPECT_EQ(read["tags"][0], "things");
  EXPECT_EQ(read["parameters"][0]["in"], "path");
  EXPECT_EQ(read["parameters"][1]["in"], "query");
  EXPECT_TRUE(read["responses"].contains("401"));
  EXPECT_EQ(read["x-scopes"], (json{"things:read", "GET /things/{id}"}));
  EXPECT_EQ(read["x-viewer"], true);
  const auto& patch = document["paths"]["/things/{id}"]["patch"]["requestBody"];
  EXPECT_EQ(patch["required"], true);
  EXPECT_TRUE(patch["content"].contains("application/merge-patch+json"));
  const auto& open = document["paths"]["/up"];
  EXPECT_EQ(open["get"]["security"], json::array());
  EXPECT_FALSE(open["get"].contains("x-scopes"));
  EXPECT_EQ(open["servers"][0]["url"], "/");
}

TEST(OpenApiDescription, IsMadeOncePerSetOfRoutes) {
  Table table;
  OpenApi openapi(table);
  const auto empty = openapi.text();
  EXPECT_EQ(openapi.text(), empty);
  table.replace("x", {});
  table.replace("things", routes());
  EXPECT_NE(openapi.text()->find("/things/{id}"), std::string::npos);
}

}  // namespace
}  // namespace kernel::routing
