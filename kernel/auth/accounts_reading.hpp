#pragma once
// What the routes of accounts read from requests alike.
#include "auth/user.hpp"

#include <atrium/plugin.hpp>

#include <optional>
#include <vector>

namespace kernel::auth {

/// The body as `build(Body&, faults)` makes it, after every fault of form and meaning was gathered; 422 with all of
/// them.
template <atrium::Described Body, class Result, class Build>
Result read_body(const atrium::Request& request, Build build) {
  std::vector<atrium::Fault> faults;
  Body body;
  atrium::read_json(atrium::parse_object(request.body()), body, atrium::Reading::whole, faults);
  Result result = build(body, faults);
  if (!faults.empty()) throw atrium::invalid(std::move(faults));
  return result;
}

/// From If-Match: the revision that the change is meant for, 412 when it is not `now`'s; nullopt when none is asked
/// for.
inline std::optional<std::int64_t> wanted_revision(const atrium::Request& request, const User& now) {
  const std::string if_match(request.header("if-match").value_or(""));
  if (if_match.empty() || if_match == "*") return std::nullopt;
  atrium::require_match(if_match, now);
  return now.revision;
}

inline atrium::Reply created(const User& user) {
  atrium::Reply reply = atrium::ok(user);
  reply.status = 201;
  reply.headers.emplace_back("location", std::string(atrium::api_base) + "/admin/users/" + user.id.str());
  return reply;
}

}  // namespace kernel::auth
