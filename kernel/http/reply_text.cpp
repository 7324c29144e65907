#include "http/reply_text.hpp"

#include <ostream>  // Boost 1.74 forgets it
#include <utility>

#include <boost/beast/http/status.hpp>

#include <algorithm>
#include <array>
#include <charconv>

namespace kernel::http {
namespace {

void append_number(std::string& to, std::size_t number, int base = 10) {
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number, base).ptr;
  to.append(digits.data(), end);
}

void append_safely(std::string& to, std::string_view text) {
  const auto from = to.size();
  to.append(text);
  auto breaks_line = [](char c) { return c == '\r' || c == '\n' || c == '\0'; };
  std::replace_if(to.begin() + static_cast<std::ptrdiff_t>(from), to.end(), breaks_line, ' ');
}

bool is_framing(std::string_view name) {
  return name == "connection" || name == "content-length" || name == "transfer-encoding" || name == "date";
}

}  // namespace

void append_head(std::string& to, int status, const Headers& headers, const ReplyFraming& framing) {
  if (status == 200) {
    to += "HTTP/1.1 200 OK\r\ndate: ";
  } else {
    to += "HTTP/1.1 ";
    append_number(to, static_cast<std::size_t>(status));
    to += ' ';
    const auto reason = boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(status));
    to.append(reason.data(), reason.size());
    to += "\r\ndate: ";
  }
  to += framing.date;
  to += "\r\n";
  for (const auto& [name, value] : headers) {
    if (is_framing(name)) continue;
    append_safely(to, name);
    to += ": ";
    append_safely(to, value);
    to += "\r\n";
  }
  if (framing.close) {
    to += "connection: close\r\n";
  } else if (framing.http_1_0) {
    to += "connection: keep-alive\r\n";
  }
  if (framing.chunked) to += "transfer-encoding: chunked\r\n";
  if (framing.with_length) {
    to += "content-length: ";
    append_number(to, framing.length);
    to += "\r\n";
  }
  to += "\r\n";
}

void append_chunk_head(std::string& to, std::size_t bytes) {
  append_number(to, bytes, 16);
  to += "\r\n";
}

bool status_allows_body(int status) { return status >= 200 && status != 204 && status != 304; }

}  // namespace kernel::http
