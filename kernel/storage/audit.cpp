#include "storage/audit.hpp"

#include "storage/digest.hpp"

#include <charconv>

namespace kernel::storage {
namespace {

std::int64_t number(std::string_view text) {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// Follows the chain row by row.
class Verifier {
 public:
  Verifier(std::string_view key, const AuditHead::Point& noted) : key_(key), noted_(noted) {}

  /// False at the first row that is not the chain's next one.
  bool accept(Row row) {
    const auto text = [&](std::size_t column) { return row[column].value_or(std::string_view()); };
    const AuditRow audit{number(text(0)), number(text(1)), text(2), text(3), text(4),
                         text(5),         text(6),         text(7), text(8), text(10)};
    if (audit.sequence != last_ + 1) return false;
    auto code = audit_code(key_, code_, audit);
    if (text(9) != code || (audit.sequence == noted_.sequence && code != noted_.code)) return false;
    last_ = audit.sequence;
    code_ = std::move(code);
    return true;
  }

  bool at_end(std::int64_t newest, std::string_view code) const {
    return last_ == newest && code_ == code && last_ >= noted_.sequence;
  }
  std::int64_t last() const { return last_; }

 private:
  std::string_view key_;
  const AuditHead::Point& noted_;
  std::int64_t last_ = 0;
  std::string code_;
};

}  // namespace

std::string audit_canonical(const AuditRow& row) {
  std::string result;
  result.reserve(192);
  const auto field = [&](std::string_view text) {
    result += std::to_string(text.size());
    result += ':';
    result += text;
    result += ',';
  };
  field(std::to_string(row.sequence));
  field(std::to_string(row.time_us));
  for (const auto text :
       {row.actor_kind, row.actor_id, row.action, row.resource, row.resource_id, row.address, row.request_id})
    field(text);
  if (row.outcome != "success") field(row.outcome);
  return result;
}

std::string audit_code(std::string_view key, std::string_view previous, const AuditRow& row) {
  return to_hex(hmac_sha256(key, std::string(previous) + audit_canonical(row)));
}

SqlError audit_cut_off(std::int64_t noted) {
  return {ATRIUM_E_INTERNAL, "the audit log has lost row " + std::to_string(noted) +
                                 ": was an older database put back? Then remove the file " +
                                 std::string(AuditHead::file_name) +
                                 " of the data directory; else somebody has cut the log off"};
}

void check_audit_end(Database& database, const AuditHead::Point& noted) {
  if (noted.sequence == 0) return;
  bool found = false;
  const Value values[] = {noted.sequence};
  database.read("kernel", "SELECT mac FROM audit WHERE sequence = ?", values,
                [&](Row row) { return found = row[0] == noted.code; });
  if (!found) throw audit_cut_off(noted.sequence);
}

std::optional<std::int64_t> verify_audit(Database& database, std::string_view key, const AuditHead::Point& noted) {
  std::int64_t newest = 0;
  std::string newest_code;
  database.read("kernel", "SELECT audit_sequence, audit_mac FROM log_head WHERE id = 1", {}, [&](Row row) {
    newest = number(row[0].value_or("0"));
    newest_code = row[1].value_or("");
    return true;
  });
  Verifier verifier(key, noted);
  constexpr std::int64_t page = 1000;
  for (bool more = true; more && verifier.last() < newest;) {
    bool good = true;
    more = false;
    const Value values[] = {verifier.last(), newest, page};
    database.read(
        "kernel",
        "SELECT sequence, time_us, actor_kind, actor_id, action, resource, resource_id, address, request_id, mac, "
        "outcome FROM audit WHERE sequence > ? AND sequence <= ? ORDER BY sequence LIMIT ?",
        values, [&](Row row) {
          more = true;
          good = verifier.accept(row);
          return good;
        });
    if (!good) return verifier.last() + 1;
  }
  if (!verifier.at_end(newest, newest_code)) return verifier.last() + 1;
  return std::nullopt;
}

}  // namespace kernel::storage
