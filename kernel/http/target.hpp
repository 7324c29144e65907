#pragma once
// The request target: checked for form, reduced to origin form, split into path and query.
#include "http/head_scanner.hpp"
#include "http/message.hpp"

#include <string_view>

namespace kernel::http {

/// Sets head.target, path and query from the request line's target. An absolute form ("http://host/path") is reduced to
/// its origin form and its authority returned through `authority`; it then stands in for the Host field (RFC
/// 9112 3.2.2).
Fault read_target(std::string_view raw, RequestHead& head, std::string_view& authority);

/// A Host field's value, or the authority of an absolute target: host and optional port. Empty is allowed.
bool valid_authority(std::string_view text);

}  // namespace kernel::http
