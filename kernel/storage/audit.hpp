#pragma once
// The audit log as a chain: each row's code covers the one before it, keyed by a secret outside the database.
#include "storage/audit_head.hpp"
#include "storage/database.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace kernel::storage {

/// One row of the table `audit`. Everything but the code is covered by the code.
struct AuditRow {
  std::int64_t sequence = 0;  ///< from 1, without gaps
  std::int64_t time_us = 0;   ///< since the epoch
  std::string_view actor_kind, actor_id, action, resource, resource_id, address, request_id;
  std::string_view outcome = "success";
};

/// Unambiguous whatever the fields hold: each as its length, a colon, its bytes and a comma, in the order above; the
/// outcome only where it is another than success.
std::string audit_canonical(const AuditRow& row);
/// HMAC-SHA256 over the previous row's code and the row, in hex. `previous` is empty for the first row.
std::string audit_code(std::string_view key, std::string_view previous, const AuditRow& row);

/// The first sequence at which the log is not what was written: a row changed, missing, out of order, or (one past the
/// last) rows cut off at the end. None when all is well. Reads the whole log in pages. `noted` is read before.
std::optional<std::int64_t> verify_audit(Database& database, std::string_view key, const AuditHead::Point& noted);

/// What to say when the row that was noted is not in the database any more.
SqlError audit_cut_off(std::int64_t noted);
/// Throws that error; looks at one row.
void check_audit_end(Database& database, const AuditHead::Point& noted);

}  // namespace kernel::storage
