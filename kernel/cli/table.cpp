#include "cli/table.hpp"

#include "observability/printable.hpp"

#include <algorithm>
#include <iostream>

namespace kernel::cli {

void print_table(const std::vector<std::string>& heads, const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::vector<std::string>> lines{heads};
  lines.insert(lines.end(), rows.begin(), rows.end());
  std::vector<std::size_t> widths(heads.size());
  for (auto& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) {
      line[i] = observability::printable(line[i], 1000);
      // The last column needs no padding, so a long one there does not widen anything.
      if (i + 1 < line.size()) widths[i] = std::max(widths[i], line[i].size());
    }
  }
  for (const auto& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) {
      std::cout << line[i];
      if (i + 1 < line.size()) std::cout << std::string(widths[i] - line[i].size() + 2, ' ');
    }
    std::cout << '\n';
  }
}

}  // namespace kernel::cli
