#include "routing/reply_headers.hpp"

#include <algorithm>

namespace kernel::routing {

namespace {

void add_absent(http::Headers& headers, const char* name, const char* value) {
  if (!headers.find(name)) headers.add(name, value);
}

}  // namespace

void add_security_headers(http::Headers& headers) {
  add_absent(headers, "x-content-type-options", "nosniff");
  add_absent(headers, "referrer-policy", "no-referrer");
  add_absent(headers, "content-security-policy", "default-src 'none'; frame-ancestors 'none'");
  if (headers.get("content-type").find("json") != std::string_view::npos)
    add_absent(headers, "cache-control", "no-store");
}

void add_security_headers(http::Reply& reply) { add_security_headers(reply.headers); }

bool Cors::allowed(std::string_view origin) const {
  return std::any_of(origins_.begin(), origins_.end(),
                     [&](const std::string& entry) { return entry == "*" || entry == origin; });
}

void Cors::answer(const http::RequestHead& head, http::Headers& reply_headers) const {
  if (origins_.empty()) return;
  reply_headers.add("vary", "Origin");
  const auto* origin = head.headers.find("origin");
  if (!origin || !allowed(*origin)) return;
  reply_headers.add("access-control-allow-origin", *origin);
  reply_headers.add(
      "access-control-expose-headers",
      "Accept-Ranges, Content-Disposition, Content-Range, ETag, Link, Location, RateLimit, RateLimit-Policy, "
      "Retry-After, X-Request-Id, Idempotency-Replayed");
}

void Cors::answer_preflight(const http::RequestHead& head, std::string_view allow, http::Headers& reply_headers) const {
  const auto* origin = head.headers.find("origin");
  if (!origin || !allowed(*origin) || !head.headers.find("access-control-request-method")) return;
  reply_headers.add("access-control-allow-methods", std::string(allow));
  reply_headers.add("access-control-allow-headers",
                    "Authorization, X-API-Key, Content-Type, If-Match, If-None-Match, Range, Idempotency-Key, "
                    "X-Request-Id, Last-Event-ID, traceparent");
  reply_headers.add("access-control-max-age", "600");
}

}  // namespace kernel::routing
