#include "routing/access.hpp"

#include "routing/problem.hpp"

#include <algorithm>
#include <cctype>

namespace kernel::routing {

namespace {

bool lists(const Route& route, std::string_view who) {
  return std::find(route.access.begin(), route.access.end(), who) != route.access.end();
}

bool declared(const Route& route, const char* flag) {
  return route.declaration.is_object() && route.declaration.value(flag, false);
}

std::string media_type(std::string_view content_type) {
  auto type = content_type.substr(0, content_type.find(';'));
  while (!type.empty() && (type.back() == ' ' || type.back() == '\t')) type.remove_suffix(1);
  std::string lower(type);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  return lower;
}

std::optional<atrium::Problem> key_fault(const Route& route, const auth::Principal& principal) {
  if (principal.key_id.empty()) return std::nullopt;
  if (lists(route, auth::session_only))
    return problem_of_status(403, "An API key cannot do this; sign in with your password.");
  const auto operation = operation_of(route);
  if (!principal.scopes || auth::cover(*principal.scopes, operation)) return std::nullopt;
  return problem_of_status(403, "The API key lacks the scope '" + auth::scopes_of(operation).front() + "'.");
}

}  // namespace

auth::Operation operation_of(const Route& route) { return {http::to_string(route.method), route.pattern, route.write}; }

bool open_to_viewers(const Route& route) { return !route.write || declared(route, "viewer"); }

bool takes_links(const Route& route) { return lists(route, "link"); }

bool open_to_all(const Route& route) { return lists(route, "none"); }

std::optional<atrium::Problem> access_fault(const Route& route, const auth::PrincipalPtr& principal) {
  if (open_to_all(route)) return std::nullopt;
  if (!principal) {
    auto problem = problem_of_status(401, "Send 'Authorization: Bearer TOKEN' or 'X-API-Key: KEY'.");
    problem.headers.emplace_back("www-authenticate", R"(Bearer realm="atrium")");
    return problem;
  }
  if (principal->kind != "user") {
    if (lists(route, principal->kind)) return std::nullopt;
    return problem_of_status(403, "A token of kind '" + principal->kind + "' cannot be used here.");
  }
  if (principal->must_set_up_mfa && !lists(route, auth::without_mfa))
    return atrium::Problem{403, "mfa-setup-required", "Set up multi-factor authentication first",
                           "It is required here: POST /auth/mfa/setup, then /auth/mfa/verify."};
  const bool admin = principal->is_admin();
  if (!lists(route, "user") && !(admin && lists(route, "admin")))
    return problem_of_status(403,
                             lists(route, "admin") ? "Only an admin may do this." : "This is not for user accounts.");
  if (auto fault = key_fault(route, *principal)) return fault;
  if (principal->role == "viewer" && !open_to_viewers(route))
    return problem_of_status(403, "A viewer may only read. Ask an admin for the role member.");
  return std::nullopt;
}

atrium::Problem rejection(const auth::Rejected& rejected) {
  atrium::Problem problem{401, "unauthorized", rejected.title, rejected.detail};
  problem.type = rejected.type;
  problem.headers.emplace_back("www-authenticate", R"(Bearer realm="atrium", error="invalid_token")");
  return problem;
}

atrium::Problem link_rejection(const auth::Rejected& rejected) {
  atrium::Problem problem{403, "forbidden", rejected.title, rejected.detail};
  problem.type = rejected.type;
  return problem;
}

std::int64_t body_limit(const Route& route, const BodyLimits& limits) {
  return route.body == Body::stream ? limits.upload : limits.json;
}

std::optional<atrium::Problem> body_fault(const Route& route, const http::RequestHead& head, const BodyLimits& limits) {
  if (!head.has_body || route.body == Body::none) return std::nullopt;
  if (route.body != Body::stream) {
    const auto type = media_type(head.headers.get("content-type"));
    const bool good =
        type == "application/json" || (route.body == Body::merge && type == "application/merge-patch+json");
    if (!good) return problem_of_status(415, "Send the body as 'Content-Type: application/json'.");
  }
  if (const auto limit = body_limit(route, limits); head.content_length > limit)
    return problem_of_status(413, "The body may have at most " + std::to_string(limit) + " bytes.");
  return std::nullopt;
}

}  // namespace kernel::routing
