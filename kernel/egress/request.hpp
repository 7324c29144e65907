#pragma once
// What goes onto the wire for a request, and what becomes of it at a redirect.
#include "egress/client.hpp"
#include "egress/url.hpp"

namespace kernel::egress {

/// Throws std::invalid_argument saying what is wrong, without values.
void check(const OutRequest& request);
std::string wire_head(const OutRequest& request, const Url& url);
/// Sending it twice does no more than sending it once (RFC 9110, 9.2.2, or an Idempotency-Key).
bool may_resend(const OutRequest& request);
bool is_redirect(int status);
/// Changes the request to what follows a redirect (RFC 9110, 15.4).
void follow_redirect(OutRequest& request, int status, bool same_origin);

}  // namespace kernel::egress
