#include "routing/route.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include <memory>
#include <thread>
#include <vector>

namespace kernel::routing {
namespace {

using http::Method;

Route declared(const std::string& method, const std::string& path, bool at_root = false,
               const std::string& owner = "things") {
  return Route::from_declaration(owner,
                                 {{"method", method}, {"path", path}, {"access", {"user"}}, {"at_root", at_root}});
}

class RouteTable : public ::testing::Test {
 protected:
  void SetUp() override {
    std::vector<Route> routes;
    routes.push_back(declared("GET", "/things/"));
    routes.push_back(declared("POST", "/things"));
    routes.push_back(declared("GET", "/things/{id}"));
    routes.push_back(declared("PATCH", "/things/{id}"));
    routes.push_back(declared("GET", "/things/stats"));
    routes.push_back(declared("POST", "/things/{thing}/parts/{part}"));
    routes.push_back(declared("GET", "/up", true));
    table_.replace("things", std::move(routes));
  }
  std::string pattern(Method method, std::string_view path) {
    const auto match = table_.find(method, path);
    return match.route ? match.route->pattern : "";
  }
  Table table_;
};

TEST_F(RouteTable, PrefersLiteralSegmentsAndTakesATrailingSlash) {
  EXPECT_EQ(pattern(Method::get, "/api/v1/things/stats"), "/things/stats");
  EXPECT_EQ(pattern(Method::get, "/api/v1/things/stats/"), "/things/stats");
  EXPECT_EQ(pattern(Method::get, "/api/v1/things/other"), "/things/{id}");
  EXPECT_EQ(pattern(Method::post, "/api/v1/things/stats/parts/9"), "/things/{thing}/parts/{part}");
  EXPECT_EQ(pattern(Method::get, "/api/v1/things"), "/things");
}

TEST_F(RouteTable, DecodesParameters) {
  const auto match = table_.find(Method::post, "/api/v1/things/a%20b/parts/%C3%A9");
  ASSERT_TRUE(match.route);
  const std::vector<std::pair<std::string, std::string>> expected{{"thing", "a b"}, {"part", "é"}};
  EXPECT_EQ(match.path, expected);
}

TEST_F(RouteTable, AnswersWithoutTheBaseOnlyWhereDeclared) {
  EXPECT_EQ(pattern(Method::get, "/up"), "/up");
  EXPECT_EQ(pattern(Method::get, "/api/v1/up"), "/up");
  EXPECT_TRUE(table_.find(Method::get, "/things").allow.empty());
}

TEST_F(RouteTable, SaysWhichMethodsAPathTakes) {
  EXPECT_EQ(pattern(Method::head, "/api/v1/things/1"), "/things/{id}");
  const auto match = table_.find(Method::del, "/api/v1/things/1");
  EXPECT_FALSE(match.route);
  EXPECT_EQ(match.allow, "GET, HEAD, PATCH, OPTIONS");
}

TEST_F(RouteTable, HasNoRouteForHostilePaths) {
  std::string deep = "/api/v1";
  for (int i = 0; i < 5'000; ++i) deep += "/things";
  for (const std::string& path :
       {std::string(), std::string("things"), std::string("//"), std::string("/api/v1//things"),
        std::string("/api/v1/things//"), std::string("/api/v1/things/%"), std::string("/api/v1/things/%zz"),
        std::string("/api/v1/things/%2f"), std::string("/api/v1/things/a%2Fb"), std::string("/api/v1/things/%00"),
        std::string("/api/v1/things/%ff"), std::string("/api/v1/things/%c0%af"), std::string("/api/v1/things/."),
        std::string("/api/v1/things/%2e%2e"), std::string("/api/v1/../things"), std::string("/api/v1/things/%0a"),
        std::string("/api/v1/things/%ed%a0%80"), std::string(15'000, '/'), deep})
    EXPECT_TRUE(table_.find(Method::get, path).allow.empty()) << path.substr(0, 80);
}

TEST_F(RouteTable, ReplacesAnOwnersRoutesWholeAndRefusesAClashWhole) {
  std::vector<Route> clash;
  clash.push_back(declared("GET", "/elsewhere", false, "other"));
  clash.push_back(declared("GET", "/things/{name}", false, "other"));
  EXPECT_THROW(table_.replace("other", std::move(clash)), std::invalid_argument);
  EXPECT_TRUE(table_.find(Method::get, "/api/v1/elsewhere").allow.empty());
  table_.replace("things", {});
  EXPECT_TRUE(table_.all().empty());
  EXPECT_TRUE(table_.find(Method::get, "/api/v1/things").allow.empty());
}

TEST_F(RouteTable, LetsGoOfTheOwnerWhenItsRoutesAreGone) {
  auto lease = std::make_shared<int>(1);
  auto route = declared("GET", "/leased", false, "other");
  route.lease = lease;
  std::vector<Route> routes;
  routes.push_back(std::move(route));
  table_.replace("other", std::move(routes));
  for (int i = 0; i < 100; ++i) std::thread([&] { table_.find(Method::get, "/api/v1/leased"); }).join();
  EXPECT_EQ(lease.use_count(), 2);
  table_.replace("other", {});
  EXPECT_EQ(lease.use_count(), 1);
}

TEST(RouteDeclaration, NamesWhatIsWrong) {
  const nlohmann::json good{{"method", "GET"}, {"path", "/x/{id}"}, {"access", {"user"}}};
  EXPECT_NO_THROW(Route::from_declaration("x", good));
  const auto with = [&](const char* key, nlohmann::json value) {
    auto declaration = good;
    declaration[key] = std::move(value);
    return declaration;
  };
  auto without_access = good;
  without_access.erase("access");
  for (const auto& bad : {without_access, with("access", nlohmann::json::array()), with("method", "FETCH"),
                          with("path", "x"), with("path", "/a//b"), with("path", "/{id"), with("path", "/{id}/{id}"),
                          with("path", "/a b"), with("path", "/../x"), with("runs", "later"), with("body_type", "xml"),
                          with("write", 1), with("body", {{"type", "object"}}), nlohmann::json::array()})
    EXPECT_THROW(Route::from_declaration("x", bad), std::invalid_argument) << bad;
}

TEST(RouteDeclaration, TakesMergePatchesOnPatchAndWritesUnlessGet) {
  const auto patch = Route::from_declaration(
      "x", {{"method", "PATCH"}, {"path", "/x"}, {"access", {"user"}}, {"body", {{"type", "object"}}}});
  EXPECT_EQ(patch.body, Body::merge);
  EXPECT_TRUE(patch.write);
  EXPECT_FALSE(Route::from_declaration("x", {{"method", "GET"}, {"path", "/x"}, {"access", {"user"}}}).write);
}

}  // namespace
}  // namespace kernel::routing
