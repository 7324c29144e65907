#pragma once
#include "audit/entry.hpp"

#include <string>
#include <string_view>

namespace kernel::audit {

/// Appends a quoted field (RFC 4180). What a spreadsheet would run as a formula is made text by an apostrophe.
void csv_field(std::string& line, std::string_view text);
/// The names of the columns, and an entry: a line each.
std::string csv_header();
void csv_line(std::string& out, const Entry& entry);

}  // namespace kernel::audit
