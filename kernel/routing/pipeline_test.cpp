#include "routing/testing/fixture.hpp"

#include <nlohmann/json.hpp>

#include <optional>
#include <vector>

namespace kernel::routing {
namespace {

using http::Method;

std::string type_of(const http::Reply& reply) { return nlohmann::json::parse(reply.body).value("type", ""); }

class PipelineTest : public testing::PipelineFixture {
 protected:
  PipelineTest() {
    const nlohmann::json body{{"type", "object"}};
    route({{"method", "GET"}, {"path", "/things"}, {"access", {"user"}}, {"runs", "io"}});
    route({{"method", "POST"}, {"path", "/things"}, {"access", {"user", "worker"}}, {"body", body}});
    route({{"method", "PATCH"}, {"path", "/things/{id}"}, {"access", {"user"}}, {"body", body}});
    route({{"method", "POST"}, {"path", "/things/read"}, {"access", {"user"}}, {"viewer", true}});
    route({{"method", "GET"}, {"path", "/admin"}, {"access", {"admin"}}});
    route({{"method", "GET"}, {"path", "/open"}, {"access", {"none"}}});
    route({{"method", "GET"}, {"path", "/things/{id}"}, {"access", {"user", "link"}}});
  }
};

TEST_F(PipelineTest, AnswersTheFirstFaultInTheContractsOrder) {
  const std::vector<std::pair<std::string, std::string>> text{{"content-type", "text/plain"}};
  EXPECT_EQ(send(Method::get, "/nothing").status, 404);
  const auto wrong_method = send(Method::del, "/things");
  EXPECT_EQ(wrong_method.status, 405);
  EXPECT_EQ(wrong_method.headers.get("allow"), "GET, HEAD, POST, OPTIONS");
  const auto anonymous = send(Method::post, "/things", "", "x", text);
  EXPECT_EQ(anonymous.status, 401);
  EXPECT_TRUE(anonymous.headers.find("www-authenticate"));
  EXPECT_EQ(send(Method::post, "/things", "nobody", "x", text).status, 401);
  EXPECT_EQ(send(Method::post, "/things", "eve", "x", text).status, 403);
  EXPECT_EQ(send(Method::post, "/things?%zz", "alice", "x", text).status, 415);
  EXPECT_EQ(send(Method::post, "/things?%zz", "alice", "{}").status, 400);
  EXPECT_EQ(send(Method::post, "/things", "alice", "{}").status, 200);
}

TEST_F(PipelineTest, LetsInWhomTheDeclarationNames) {
  EXPECT_EQ(send(Method::get, "/admin", "alice").status, 403);
  EXPECT_EQ(send(Method::get, "/admin", "root").status, 200);
  EXPECT_EQ(send(Method::get, "/things", "eve").status, 200);
  EXPECT_EQ(send(Method::post, "/things/read", "eve").status, 200);
  EXPECT_EQ(send(Method::post, "/things", "robot", "{}").status, 200);
  EXPECT_EQ(send(Method::get, "/things", "robot").status, 403);
  EXPECT_EQ(send(Method::get, "/open", "stale-token").status, 200);
}

TEST_F(PipelineTest, WhoMustSetUpMfaIsLetInOnlyWhereTheDeclarationSaysSo) {
  route({{"method", "GET"}, {"path", "/own"}, {"access", {"user", auth::without_mfa}}});
  auto pending = std::make_shared<auth::Principal>(*testing::user("new", "admin"));
  pending->must_set_up_mfa = true;
  authenticator_.tokens["new"] = pending;
  for (const char* path : {"/things", "/admin", "/things/1"})
    EXPECT_EQ(type_of(send(Method::get, path, "new")), "/problems/mfa-setup-required") << path;
  EXPECT_EQ(send(Method::get, "/own", "new").status, 200);
  EXPECT_EQ(send(Method::get, "/open", "new").status, 200);
  EXPECT_EQ(send(Method::get, "/own", "alice").status, 200);
  EXPECT_EQ(send(Method::get, "/own", "robot").status, 403);
}

TEST_F(PipelineTest, AnApiKeyIsLetInWhereItsScopesSaySoAndItsOwnerMay) {
  route({{"method", "POST"}, {"path", "/password"}, {"access", {"user", auth::session_only}}, {"viewer", true}});
  const auto key = [this](const std::string& name, const std::string& role, std::optional<auth::Scopes> scopes) {
    auto principal = std::make_shared<auth::Principal>(*testing::user(name, role));
    principal->key_id = "a key";
    if (scopes) principal->scopes = std::make_shared<const auth::Scopes>(*scopes);
    authenticator_.tokens[name] = principal;
  };
  key("reads", "member", auth::Scopes{"things:read"});
  EXPECT_EQ(send(Method::get, "/things", "reads").status, 200);
  EXPECT_EQ(send(Method::get, "/things/1", "reads").status, 200);
  EXPECT_EQ(send(Method::post, "/things", "reads", "{}").status, 403);
  EXPECT_EQ(send(Method::get, "/open", "reads").status, 200);
  key("creates", "member", auth::Scopes{"POST /things"});
  EXPECT_EQ(send(Method::post, "/things", "creates", "{}").status, 200);
  EXPECT_EQ(send(Method::post, "/things/read", "creates").status, 403);
  EXPECT_EQ(send(Method::get, "/things", "creates").status, 403);
  key("exceeds", "member", auth::Scopes{"*:read", "admin:read"});
  EXPECT_EQ(send(Method::get, "/admin", "exceeds").status, 403);
  key("viewer's", "viewer", auth::Scopes{"*:write"});
  EXPECT_EQ(send(Method::post, "/things", "viewer's", "{}").status, 403);
  key("all", "admin", {});
  EXPECT_EQ(send(Method::get, "/admin", "all").status, 200);
  EXPECT_EQ(send(Method::post, "/password", "all").status, 403);
  EXPECT_EQ(send(Method::post, "/password", "alice").status, 200);
}

TEST_F(PipelineTest, ALinkOpensWhatTakesLinksAndNothingElse) {
  EXPECT_EQ(send(Method::get, "/things/1?link").status, 200);
  EXPECT_EQ(send(Method::get, "/things/1").status, 401);
  EXPECT_EQ(type_of(send(Method::get, "/things/1?spoilt")), "/problems/forbidden");
  EXPECT_EQ(send(Method::get, "/things/1?spoilt", "alice").status, 200) << "who is signed in needs no link";
  EXPECT_EQ(send(Method::get, "/things?link").status, 401);
  EXPECT_EQ(send(Method::get, "/admin?link").status, 401);
}

TEST_F(PipelineTest, JudgesTheSameWhenTheCallerMustBeLookedUp) {
  authenticator_.slow = {{"far", testing::user("far")}, {"far-viewer", testing::user("far-viewer", "viewer")}};
  EXPECT_EQ(send(Method::get, "/things", "far").status, 200);
  EXPECT_EQ(send(Method::post, "/things", "far-viewer", "{}").status, 403);
  EXPECT_EQ(send(Method::post, "/things", "far", "x", {{"content-type", "text/plain"}}).status, 415);
}

TEST_F(PipelineTest, TakesMergePatchesOnPatchOnly) {
  const std::vector<std::pair<std::string, std::string>> merge{
      {"content-type", "Application/Merge-Patch+JSON; charset=utf-8"}};
  EXPECT_EQ(send(Method::patch, "/things/1", "alice", "{}", merge).status, 200);
  EXPECT_EQ(send(Method::post, "/things", "alice", "{}", merge).status, 415);
}

TEST_F(PipelineTest, RefusesABodyByItsAnnouncedLength) {
  auto exchange = request(Method::post, "/things", "alice", "{}");
  exchange->head_to_change().content_length = options_.max_body + 1;
  EXPECT_EQ(send(exchange).status, 413);
}

TEST_F(PipelineTest, AnswersOptionsForEveryPathThereIs) {
  const auto reply = send(Method::options, "/things");
  EXPECT_EQ(reply.status, 204);
  EXPECT_EQ(reply.headers.get("allow"), "GET, HEAD, POST, OPTIONS");
  EXPECT_EQ(send(Method::options, "/nothing").status, 404);
}

TEST_F(PipelineTest, EveryReplyCarriesItsIdAndTheSecurityHeaders) {
  for (const auto& reply : {send(Method::get, "/things", "alice"), send(Method::get, "/nothing"),
                            send(Method::options, "/open"), pipeline().refusal(400, "bad", nullptr)}) {
    EXPECT_EQ(reply.headers.get("x-request-id").size(), 36u) << reply.status;
    EXPECT_EQ(reply.headers.get("x-content-type-options"), "nosniff");
    EXPECT_TRUE(reply.headers.find("referrer-policy"));
    EXPECT_NE(reply.headers.get("content-security-policy").find("frame-ancestors 'none'"), std::string_view::npos);
  }
  EXPECT_EQ(send(Method::get, "/things", "alice").headers.get("cache-control"), "no-store");
}

TEST_F(PipelineTest, TakesAWellFormedRequestIdOnly) {
  const auto id = [&](std::string given) {
    return std::string(
        send(Method::get, "/open", "", "", {{"x-request-id", std::move(given)}}).headers.get("x-request-id"));
  };
  EXPECT_EQ(id("mine-1.2_3"), "mine-1.2_3");
  EXPECT_NE(id("has space"), "has space");
  EXPECT_NE(id(std::string(129, 'a')), std::string(129, 'a'));
}

TEST_F(PipelineTest, AHandlerThatThrowsGivesAProblemWithoutDetails) {
  route({{"method", "GET"}, {"path", "/broken"}, {"access", {"none"}}},
        [](const auto&) { throw std::runtime_error("SELECT secret FROM places"); });
  route({{"method", "GET"}, {"path", "/stranger"}, {"access", {"none"}}}, [](const auto&) { throw 7; });
  route({{"method", "GET"}, {"path", "/problem"}, {"access", {"none"}}},
        [](const auto&) { throw atrium::invalid("/title", "is missing"); });
  const auto broken = send(Method::get, "/broken");
  EXPECT_EQ(broken.status, 500);
  EXPECT_EQ(type_of(broken), "/problems/internal");
  EXPECT_EQ(broken.body.find("secret"), std::string::npos);
  EXPECT_EQ(send(Method::get, "/stranger").status, 500);
  EXPECT_EQ(send(Method::get, "/problem").status, 422);
}

TEST_F(PipelineTest, LimitsEachAddressAndEachPrincipal) {
  options_.requests_per_address = 6;
  options_.requests_per_principal = 2;
  restart();
  const auto first = send(Method::get, "/things", "alice");
  EXPECT_EQ(first.headers.get("ratelimit-policy"), "\"address\";q=6;w=60, \"principal\";q=2;w=60");
  EXPECT_EQ(first.headers.get("ratelimit"), "\"principal\";r=1;t=30");
  EXPECT_EQ(send(Method::get, "/things", "alice").status, 200);
  const auto refused = send(Method::get, "/things", "alice");
  EXPECT_EQ(refused.status, 429);
  EXPECT_FALSE(refused.headers.get("retry-after").empty());
  EXPECT_EQ(send(Method::get, "/things", "root").status, 200);
  EXPECT_EQ(send(Method::get, "/open").status, 200);
  EXPECT_EQ(send(Method::get, "/open").status, 200);
  EXPECT_EQ(send(Method::get, "/open").status, 429);
}

TEST_F(PipelineTest, ChangedLimitsCountFromTheNextRequest) {
  EXPECT_EQ(send(Method::get, "/things", "alice").status, 200);
  pipeline().set_rate_limits(0, 1);
  EXPECT_EQ(send(Method::get, "/things", "alice").headers.get("ratelimit-policy"), "\"principal\";q=1;w=60");
  EXPECT_EQ(send(Method::get, "/things", "alice").status, 429);
  pipeline().set_rate_limits(0, 0);
  EXPECT_EQ(send(Method::get, "/things", "alice").status, 200);
}

TEST_F(PipelineTest, AsksTheAddressRulesBeforeAnythingElse) {
  options_.address_allowed = [](const std::string& address) { return address != "192.0.2.1"; };
  EXPECT_EQ(send(Method::get, "/nothing").status, 403);
}

TEST_F(PipelineTest, CrossOriginAccessIsForTheOriginsNamed) {
  options_.cors_origins = {"https://app.example"};
  restart();
  const auto from = [&](std::string origin) {
    return send(Method::get, "/open", "", "", {{"origin", std::move(origin)}});
  };
  EXPECT_EQ(from("https://app.example").headers.get("access-control-allow-origin"), "https://app.example");
  EXPECT_FALSE(from("https://evil.example").headers.find("access-control-allow-origin"));
  const auto preflight = send(Method::options, "/things", "", "",
                              {{"origin", "https://app.example"}, {"access-control-request-method", "POST"}});
  EXPECT_EQ(preflight.headers.get("access-control-allow-methods"), "GET, HEAD, POST, OPTIONS");
}

TEST_F(PipelineTest, AFullPoolAnswersTryAgain) {
  jobs_.stop();
  const auto reply = send(Method::get, "/open");
  EXPECT_EQ(reply.status, 503);
  EXPECT_TRUE(reply.headers.find("retry-after"));
}

}  // namespace
}  // namespace kernel::routing
