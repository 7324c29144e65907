#include "http/head_scanner.hpp"

#include <cstring>

namespace kernel::http {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t'; }

}  // namespace

std::size_t HeadScanner::scan(std::string_view head, Fault& fault) {
  const auto within = head.substr(0, max_bytes_);
  while (scanned_ < within.size()) {
    const auto* found = static_cast<const char*>(std::memchr(within.data() + scanned_, '\n', within.size() - scanned_));
    if (!found) {
      scanned_ = within.size();
      break;
    }
    const auto end = static_cast<std::size_t>(found - within.data());
    if (end == line_start_ || within[end - 1] != '\r') {
      fault = {400, "A line of the request head ends with a bare LF; lines end with CR LF."};
      return 0;
    }
    const auto line = within.substr(line_start_, end - 1 - line_start_);
    if (line.empty()) return end + 1;
    if (!check_line(line, fault)) return 0;
    line_start_ = scanned_ = end + 1;
  }
  if (head.size() >= max_bytes_) {
    const auto limit = std::to_string(max_bytes_);
    fault = line_start_ == 0 ? Fault{414, "The request target is longer than " + limit + " bytes."}
                             : Fault{431, "The request head is longer than " + limit + " bytes."};
  }
  return 0;
}

bool HeadScanner::check_line(std::string_view line, Fault& fault) const {
  if (line_start_ == 0) return true;
  if (is_blank(line.front())) {
    fault = {400, "A header field is folded over several lines; send it on one."};
    return false;
  }
  const auto colon = line.find(':');
  if (colon != std::string_view::npos && colon > 0 && is_blank(line[colon - 1])) {
    fault = {400, "There is white space before the colon of a header field."};
    return false;
  }
  return true;
}

}  // namespace kernel::http
