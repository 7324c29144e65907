#pragma once
// Text of unknown origin made safe for one line of a log or of an exposition.
#include <string>
#include <string_view>

namespace kernel::observability {

/// Well-formed UTF-8 without control characters (C0, C1, DEL, line and paragraph separators, bidirectional overrides):
/// each byte of what may not stand there becomes \xNN. Longer than `max` bytes: cut, "..." at the end.
std::string printable(std::string_view text, std::size_t max);

/// Length in bytes of the well-formed character that `text` begins with, 0 when there is none.
std::size_t utf8_length(std::string_view text);

}  // namespace kernel::observability
