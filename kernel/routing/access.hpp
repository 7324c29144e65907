#pragma once
// Who may call a route, and with what kind of body: decided from its declaration and the request's head alone.
#include "auth/authenticator.hpp"
#include "routing/route.hpp"

#include <atrium/problem.hpp>

#include <optional>

namespace kernel::routing {

/// Nullopt: may go on. Else the 401 or 403 to answer. `principal` may be null.
std::optional<atrium::Problem> access_fault(const Route& route, const auth::PrincipalPtr& principal);
/// The 401 for credentials that are no good.
atrium::Problem rejection(const auth::Rejected& rejected);
/// The 403 for a link that is no good.
atrium::Problem link_rejection(const auth::Rejected& rejected);
/// A viewer may call it too: it writes nothing, or nothing but the viewer's own account.
bool open_to_viewers(const Route& route);
/// As the scopes of API keys name it.
auth::Operation operation_of(const Route& route);
/// Whoever holds a signed link may call it.
bool takes_links(const Route& route);
/// The route lets everybody in, so that bad credentials do not matter.
bool open_to_all(const Route& route);

struct BodyLimits {
  std::int64_t json, upload;  ///< bytes
};
std::int64_t body_limit(const Route& route, const BodyLimits& limits);
/// Nullopt, or the 415 or 413 (by the announced length) to answer.
std::optional<atrium::Problem> body_fault(const Route& route, const http::RequestHead& head, const BodyLimits& limits);

}  // namespace kernel::routing
