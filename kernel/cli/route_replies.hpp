#pragma once
#include "routing/problem.hpp"
#include "routing/route.hpp"

#include <nlohmann/json.hpp>

#include <memory>

namespace kernel::cli {

using ExchangePtr = std::shared_ptr<http::Exchange>;

inline void answer_json(const ExchangePtr& exchange, const nlohmann::json& body) {
  http::Reply reply;
  reply.headers.set("content-type", "application/json");
  reply.body = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  routing::respond(exchange, std::move(reply));
}

/// Runs `work`; what it throws is answered as a problem.
template <typename Work>
void answering(const ExchangePtr& exchange, Work work) {
  const auto refuse = [&](const atrium::Problem& problem) {
    const auto context = routing::context_of(*exchange);
    routing::respond(exchange, routing::problem_reply(problem, exchange->head().path, context->request_id));
  };
  try {
    work();
  } catch (const atrium::Problem& problem) {
    refuse(problem);
  } catch (const std::out_of_range&) {
    refuse(atrium::not_found());
  }
}

inline std::string path_value(const ExchangePtr& exchange, std::string_view name) {
  for (const auto& [key, value] : routing::context_of(*exchange)->path) {
    if (key == name) return value;
  }
  return {};
}

inline routing::Route kernel_route(const char* declaration, routing::Handler handler) {
  auto route = routing::Route::from_declaration("kernel", nlohmann::json::parse(declaration));
  route.handler = std::move(handler);
  return route;
}

}  // namespace kernel::cli
