#pragma once
// Rows for people: columns lined up, and nothing in them that would steer the terminal.
#include <string>
#include <vector>

namespace kernel::cli {

void print_table(const std::vector<std::string>& heads, const std::vector<std::vector<std::string>>& rows);

}  // namespace kernel::cli
