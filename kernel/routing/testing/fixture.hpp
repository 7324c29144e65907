#pragma once
// A pipeline with real storage, jobs and routes behind it; only the front and the authenticator are fakes.
#include "routing/pipeline.hpp"
#include "routing/testing/fakes.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <memory>
#include <vector>

namespace kernel::routing::testing {

class PipelineFixture : public ::testing::Test {
 protected:
  PipelineFixture() {
    database_ =
        storage::Database::open({.url = "sqlite:" + scratch_.file("atrium.db"), .audit_key = std::string(32, 'a')});
    authenticator_.tokens = {{"alice", user("alice")}, {"root", user("root", "admin")}, {"eve", user("eve", "viewer")}};
    auto worker = std::make_shared<auth::Principal>();
    worker->kind = "worker";
    worker->id = "w1";
    authenticator_.tokens["robot"] = worker;
    options_.idempotency_key = std::string(32, 'k');
    options_.requests_per_address = options_.requests_per_principal = 0;
  }

  using ExchangePtr = std::shared_ptr<FakeExchange>;

  void route(nlohmann::json declaration, Handler handler = ok) {
    auto route = Route::from_declaration("kernel", declaration);
    route.handler = std::move(handler);
    std::vector<Route> routes;
    for (const auto& old : table_.all()) routes.push_back(*old);
    routes.push_back(std::move(route));
    table_.replace("kernel", std::move(routes));
  }
  static void ok(const std::shared_ptr<http::Exchange>& exchange) {
    http::Reply reply;
    reply.headers.add("content-type", "application/json");
    reply.body = "{}";
    respond(exchange, std::move(reply));
  }

  Pipeline& pipeline() {
    if (!pipeline_) restart();
    return *pipeline_;
  }
  /// As after the process has died: nothing in memory is left.
  void restart() {
    pipeline_ =
        std::make_unique<Pipeline>(PipelineParts{table_, authenticator_, jobs_, *database_, metrics_}, options_);
  }

  static ExchangePtr request(http::Method method, std::string target, const std::string& token = {},
                             std::string body = {}, std::vector<std::pair<std::string, std::string>> headers = {}) {
    if (!token.empty()) headers.emplace_back("authorization", "Bearer " + token);
    const bool typed = std::any_of(headers.begin(), headers.end(), [](auto& h) { return h.first == "content-type"; });
    if (!body.empty() && !typed) headers.emplace_back("content-type", "application/json");
    return std::make_shared<FakeExchange>(method, "/api/v1" + target, std::move(body), std::move(headers));
  }
  /// What the front does with a request.
  void start(const ExchangePtr& exchange) {
    auto decision = pipeline().on_head(exchange);
    if (decision.action == http::HeadDecision::Action::respond) return exchange->respond(std::move(decision.reply));
    pipeline().handle(exchange);
  }
  http::Reply send(const ExchangePtr& exchange) {
    start(exchange);
    return exchange->wait();
  }
  http::Reply send(http::Method method, std::string target, const std::string& token = {}, std::string body = {},
                   std::vector<std::pair<std::string, std::string>> headers = {}) {
    return send(request(method, std::move(target), token, std::move(body), std::move(headers)));
  }

  ScratchDirectory scratch_;
  std::unique_ptr<storage::Database> database_;
  jobs::Jobs jobs_{{.threads = 4, .max_waiting = 1'000}};
  observability::Metrics metrics_;
  FakeAuthenticator authenticator_;
  Table table_;
  PipelineOptions options_;
  std::unique_ptr<Pipeline> pipeline_;
};

}  // namespace kernel::routing::testing
