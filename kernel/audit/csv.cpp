#include "audit/csv.hpp"

namespace kernel::audit {

void csv_field(std::string& line, std::string_view text) {
  constexpr std::string_view formula_starts = "=+-@\t\r\n";
  line += '"';
  if (!text.empty() && formula_starts.find(text.front()) != std::string_view::npos) line += '\'';
  for (const char c : text) {
    if (c == '"') line += '"';
    line += c;
  }
  line += '"';
}

std::string csv_header() {
  std::string line;
  atrium::for_each_member<Entry>([&](const auto& member) {
    if (!line.empty()) line += ',';
    csv_field(line, member.name);
  });
  return line + "\r\n";
}

void csv_line(std::string& out, const Entry& entry) {
  out += std::to_string(entry.sequence);
  for (const auto& text : {entry.created_at.text(), entry.actor_kind, entry.actor_id, entry.action, entry.resource,
                           entry.resource_id, entry.address, entry.request_id, entry.outcome, entry.code}) {
    out += ',';
    csv_field(out, text);
  }
  out += "\r\n";
}

}  // namespace kernel::audit
