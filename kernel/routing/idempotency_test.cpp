#include "routing/testing/fixture.hpp"

#include <nlohmann/json.hpp>

#include <atomic>
#include <future>
#include <memory>
#include <vector>

namespace kernel::routing {
namespace {

using http::Method;

class IdempotencyTest : public testing::PipelineFixture {
 protected:
  IdempotencyTest() {
    const nlohmann::json body{{"type", "object"}};
    route({{"method", "POST"}, {"path", "/things"}, {"access", {"user"}}, {"body", body}},
          [this](const auto& exchange) { make(exchange); });
    route({{"method", "POST"}, {"path", "/login"}, {"access", {"none"}}, {"body", body}, {"idempotency", false}},
          [this](const auto& exchange) { make(exchange); });
  }
  ~IdempotencyTest() override { jobs_.stop(); }

  void change(const std::shared_ptr<http::Exchange>& exchange) {
    const auto context = context_of(*exchange);
    const auto id = context->principal ? context->principal->id : "";
    database_->transact({.kind = "user", .id = id, .address = {}, .request_id = context->request_id},
                        [](storage::Transaction& tx) {
                          tx.record({.action = "thing.created",
                                     .resource = "thing",
                                     .resource_id = "t1",
                                     .topic = {},
                                     .data = {},
                                     .owner = {}});
                          return ATRIUM_OK;
                        });
  }
  void make(const std::shared_ptr<http::Exchange>& exchange) {
    const int number = ++made_;
    change(exchange);
    http::Reply reply;
    reply.status = status_;
    reply.headers.add("content-type", "application/json");
    reply.headers.add("location", "/api/v1/things/" + std::to_string(number));
    reply.body = std::to_string(number);
    respond(exchange, std::move(reply));
  }
  http::Reply post(const std::string& key, const std::string& token = "alice", std::string body = "{}",
                   std::string target = "/things") {
    return send(Method::post, std::move(target), token, std::move(body), {{"idempotency-key", key}});
  }
  /// A request whose process dies before it has answered.
  void die(const std::string& key, bool after_the_change) {
    const auto context = std::make_shared<std::promise<void>>();
    dying_ = [this, context, after_the_change](const auto& exchange) {
      if (after_the_change) change(exchange);
      context->set_value();
    };
    auto changed = *table_.all()[0];
    changed.handler = [this](const auto& exchange) { dying_(exchange); };
    Table other;
    std::vector<Route> routes;
    routes.push_back(std::move(changed));
    other.replace("kernel", std::move(routes));
    Pipeline doomed({other, authenticator_, jobs_, *database_, metrics_}, options_);
    auto exchange = request(Method::post, "/things", "alice", "{}", {{"idempotency-key", key}});
    doomed.on_head(exchange);
    doomed.handle(exchange);
    ASSERT_EQ(context->get_future().wait_for(testing::patience), std::future_status::ready);
    restart();
  }

  std::atomic<int> made_{0};
  int status_ = 201;
  Handler dying_;
};

TEST_F(IdempotencyTest, TheSameRequestAgainGetsTheFirstAnswer) {
  const auto first = post("k1");
  const auto again = post("k1");
  EXPECT_EQ(first.status, 201);
  EXPECT_FALSE(first.headers.find("idempotency-replayed"));
  EXPECT_EQ(again.status, 201);
  EXPECT_EQ(again.body, first.body);
  EXPECT_EQ(again.headers.get("location"), first.headers.get("location"));
  EXPECT_EQ(again.headers.get("idempotency-replayed"), "true");
  EXPECT_NE(again.headers.get("x-request-id"), first.headers.get("x-request-id"));
  EXPECT_EQ(made_, 1);
}

TEST_F(IdempotencyTest, ReplaysAfterARestart) {
  post("k1");
  restart();
  EXPECT_EQ(post("k1").headers.get("idempotency-replayed"), "true");
  EXPECT_EQ(made_, 1);
}

TEST_F(IdempotencyTest, AnotherBodyUnderTheSameKeyIsRefused) {
  post("k1");
  EXPECT_EQ(post("k1", "alice", R"({"a":1})").status, 422);
  EXPECT_EQ(made_, 1);
}

TEST_F(IdempotencyTest, KeysBelongToTheirPrincipal) {
  post("k1", "alice");
  EXPECT_FALSE(post("k1", "root").headers.find("idempotency-replayed"));
  EXPECT_EQ(made_, 2);
}

TEST_F(IdempotencyTest, ASecondWhileTheFirstRunsIsToldToWait) {
  std::promise<void> release;
  auto released = release.get_future().share();
  std::promise<void> running;
  route({{"method", "POST"}, {"path", "/slow"}, {"access", {"user"}}}, [&](const auto& exchange) {
    running.set_value();
    released.wait();
    make(exchange);
  });
  const auto first = request(Method::post, "/slow", "alice", "", {{"idempotency-key", "k1"}});
  start(first);
  ASSERT_EQ(running.get_future().wait_for(testing::patience), std::future_status::ready);
  const auto second = post("k1", "alice", "", "/slow");
  EXPECT_EQ(second.status, 409);
  EXPECT_TRUE(second.headers.find("retry-after"));
  release.set_value();
  EXPECT_EQ(first->wait().status, 201);
  EXPECT_EQ(post("k1", "alice", "", "/slow").headers.get("idempotency-replayed"), "true");
}

TEST_F(IdempotencyTest, ADeathBeforeTheChangeLetsItRunAgain) {
  die("k1", false);
  EXPECT_EQ(post("k1").status, 201);
  EXPECT_EQ(made_, 1);
}

TEST_F(IdempotencyTest, ADeathAfterTheChangeNeverDoesItTwice) {
  die("k1", true);
  for (int i = 0; i < 2; ++i) {
    const auto reply = post("k1");
    EXPECT_EQ(reply.status, 409);
    EXPECT_NE(reply.body.find("thing/t1"), std::string::npos) << reply.body;
  }
  EXPECT_EQ(made_, 0);
}

TEST_F(IdempotencyTest, AFailureThatChangedNothingFreesTheKey) {
  int calls = 0;
  route({{"method", "POST"}, {"path", "/flaky"}, {"access", {"user"}}}, [&](const auto& exchange) {
    if (++calls == 1) throw std::runtime_error("no");
    make(exchange);
  });
  EXPECT_EQ(post("k1", "alice", "", "/flaky").status, 500);
  EXPECT_EQ(post("k1", "alice", "", "/flaky").status, 201);
}

TEST_F(IdempotencyTest, AFailureAfterTheChangeKeepsTheKey) {
  status_ = 500;
  EXPECT_EQ(post("k1").status, 500);
  EXPECT_EQ(post("k1").status, 409);
  EXPECT_EQ(made_, 1);
}

TEST_F(IdempotencyTest, RoutesMayOptOutAndMalformedKeysAreRefused) {
  post("k1", "", "{}", "/login");
  EXPECT_FALSE(post("k1", "", "{}", "/login").headers.find("idempotency-replayed"));
  EXPECT_EQ(made_, 2);
  EXPECT_EQ(post("has space").status, 400);
  EXPECT_EQ(post(std::string(256, 'k')).status, 400);
}

TEST_F(IdempotencyTest, KeptAnswersCannotBeReadInTheDatabaseNorMoved) {
  post("k1");
  std::string answer;
  database_->read("kernel", "SELECT answer FROM idempotency", {}, [&](storage::Row row) {
    answer = row[0].value_or("");
    return true;
  });
  ASSERT_FALSE(answer.empty());
  EXPECT_EQ(answer.find("things"), std::string::npos);
  const auth::SealedBox box(std::string(32, 'k'));
  EXPECT_FALSE(box.open(answer, "elsewhere"));
  EXPECT_FALSE(auth::SealedBox(std::string(32, 'x')).open(box.seal("a", "b"), "b"));
  EXPECT_EQ(box.open(box.seal("a", "b"), "b"), "a");
}

}  // namespace
}  // namespace kernel::routing
