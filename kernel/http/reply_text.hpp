#pragma once
// Replies as bytes.
#include "http/message.hpp"

#include <string>
#include <string_view>

namespace kernel::http {

/// What stands between the status line and the reply's own fields.
struct ReplyFraming {
  std::string_view date;
  bool http_1_0 = false;
  bool close = false;
  bool chunked = false;
  bool with_length = false;
  std::size_t length = 0;
};

/// Appends status line and header, up to and with the empty line. Line breaks inside a value become spaces; fields that
/// speak of framing (connection, content-length, transfer-encoding) are left out: the framing says them.
void append_head(std::string& to, int status, const Headers& headers, const ReplyFraming& framing);
void append_chunk_head(std::string& to, std::size_t bytes);

/// 1xx, 204 and 304 never have a body.
bool status_allows_body(int status);

}  // namespace kernel::http
