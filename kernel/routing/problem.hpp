#pragma once
// The kernel's own problem+json replies.
#include "http/message.hpp"

#include <atrium/problem.hpp>

#include <string_view>

namespace kernel::routing {

/// instance: the request's path; request_id: as in X-Request-Id.
http::Reply problem_reply(const atrium::Problem& problem, std::string_view instance, std::string_view request_id);

/// The problem for a status that has no story of its own: "/problems/method-not-allowed", ...
atrium::Problem problem_of_status(int status, std::string detail = {});

}  // namespace kernel::routing
