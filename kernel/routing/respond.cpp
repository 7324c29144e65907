// The ways a handler answers.
#include "routing/reply_headers.hpp"
#include "routing/route.hpp"

#include <memory>

namespace kernel::routing {

namespace {

void complete(http::Headers& headers, const Context* context) {
  if (context)
    for (const auto& [name, value] : context->reply_headers) headers.add(name, value);
  add_security_headers(headers);
}

}  // namespace

ContextPtr context_of(const http::Exchange& exchange) {
  const auto* context = std::any_cast<ContextPtr>(&exchange.context);
  return context ? *context : nullptr;
}

void respond(const std::shared_ptr<http::Exchange>& exchange, http::Reply reply) {
  const auto context = context_of(*exchange);
  if (context && context->keeper) return context->keeper->keep(exchange, std::move(reply));
  send(exchange, std::move(reply));
}

void send(const std::shared_ptr<http::Exchange>& exchange, http::Reply reply) {
  complete(reply.headers, context_of(*exchange).get());
  exchange->respond(std::move(reply));
}

void stream_begin(const std::shared_ptr<http::Exchange>& exchange, int status, http::Headers headers) {
  const auto context = context_of(*exchange);
  if (context && context->keeper) context->keeper->streaming();
  complete(headers, context.get());
  exchange->stream_begin(status, std::move(headers));
}

}  // namespace kernel::routing
