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
  explicit Verifier(std::string_view key) : key_(key) {}

  /// False at the first row that is not the chain's next one.
  bool accept(Row row) {
    const auto text = [&](std::size_t column) { return row[column].value_or(std::string_view()); };
    const AuditRow audit{number(text(0)), number(text(1)), text(2), text(3), text(4),
                         text(5),         text(6),         text(7), text(8)};
    if (audit.sequence != last_ + 1) return false;
    auto code = audit_code(key_, code_, audit);
    if (text(9) != code) return false;
    last_ = audit.sequence;
    code_ = std::move(code);
    return true;
  }

  std::int64_t last() const { return last_; }
  const std::string& code() const { return code_; }

 private:
  std::string_view key_;
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
  return result;
}

std::string audit_code(std::string_view key, std::string_view previous, const AuditRow& row) {
  return to_hex(hmac_sha256(key, std::string(previous) + audit_canonical(row)));
}

std::optional<std::int64_t> verify_audit(Database& database, std::string_view key) {
  std::int64_t newest = 0;
  std::string newest_code;
  database.read("kernel", "SELECT audit_sequence, audit_mac FROM log_head WHERE id = 1", {}, [&](Row row) {
    newest = number(row[0].value_or("0"));
    newest_code = row[1].value_or("");
    return true;
  });
  Verifier verifier(key);
  constexpr std::int64_t page = 1000;
  for (bool more = true; more && verifier.last() < newest;) {
    bool good = true;
    more = false;
    const Value values[] = {verifier.last(), newest, page};
    database.read(
        "kernel",
        "SELECT sequence, time_us, actor_kind, actor_id, action, resource, resource_id, address, request_id, mac"
        " FROM audit WHERE sequence > ? AND sequence <= ? ORDER BY sequence LIMIT ?",
        values, [&](Row row) {
          more = true;
          good = verifier.accept(row);
          return good;
        });
    if (!good) return verifier.last() + 1;
  }
  if (verifier.last() != newest || verifier.code() != newest_code) return verifier.last() + 1;
  return std::nullopt;
}

}  // namespace kernel::storage
