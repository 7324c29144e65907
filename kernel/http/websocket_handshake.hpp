#pragma once
#include "http/head_scanner.hpp"
#include "http/message.hpp"

#include <string>

namespace kernel::http {

/// True for a well-formed RFC 6455 opening handshake.
bool is_websocket_handshake(const RequestHead& head);
/// Why a request to a WebSocket route is none: 426 or 400.
Fault handshake_fault(const RequestHead& head);
/// Sec-WebSocket-Accept for the client's key.
std::string websocket_accept(std::string_view key);

}  // namespace kernel::http
