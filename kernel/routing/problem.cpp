#include "routing/problem.hpp"

#include <algorithm>
#include <array>

namespace kernel::routing {

namespace {

struct Known {
  int status;
  const char *slug, *title;
};

constexpr std::array known{
    Known{400, "bad-request", "The request cannot be read"},
    Known{401, "unauthorized", "Sign in to use this"},
    Known{403, "forbidden", "You may not do this"},
    Known{404, "not-found", "There is nothing at this path"},
    Known{405, "method-not-allowed", "This path does not take this method"},
    Known{408, "request-timeout", "The request did not arrive in time"},
    Known{413, "too-large", "The request is too large"},
    Known{414, "target-too-long", "The request's target is too long"},
    Known{415, "unsupported-media-type", "The body is of a kind that is not taken here"},
    Known{417, "expectation-failed", "The expectation cannot be met"},
    Known{426, "upgrade-required", "This path speaks another protocol"},
    Known{429, "too-many-requests", "Too many requests"},
    Known{431, "headers-too-large", "The request's head is too large"},
    Known{500, "internal", "Something went wrong inside"},
    Known{501, "not-implemented", "The request asks for something HTTP has and this server does not"},
    Known{503, "unavailable", "Not available right now"},
    Known{505, "http-version", "This version of HTTP is not spoken here"},
};

}  // namespace

atrium::Problem problem_of_status(int status, std::string detail) {
  const auto* found =
      std::find_if(known.begin(), known.end(), [&](const Known& entry) { return entry.status == status; });
  if (found == known.end()) return {status, "error", "The request failed", std::move(detail)};
  return {status, found->slug, found->title, std::move(detail)};
}

http::Reply problem_reply(const atrium::Problem& problem, std::string_view instance, std::string_view request_id) {
  http::Reply reply;
  reply.status = problem.status;
  reply.headers.add("content-type", "application/problem+json");
  for (const auto& [name, value] : problem.headers) reply.headers.set(name, value);
  reply.body = problem.body(instance, request_id);
  return reply;
}

}  // namespace kernel::routing
