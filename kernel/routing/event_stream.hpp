#pragma once
// The same stream as Server-Sent Events.
#include "routing/event_socket.hpp"
#include "routing/route.hpp"

#include <memory>

namespace kernel::routing {

/// Answers a request with the event stream: `event` parameters say what to follow (all, when there is none),
/// Last-Event-ID from where. 422 for a malformed pattern or id, 410 when what follows the id is gone. Ends with the
/// client, with the session, or when the client has read nothing for a while.
void serve_event_stream(const EventParts& parts, const std::shared_ptr<http::Exchange>& exchange);

}  // namespace kernel::routing
