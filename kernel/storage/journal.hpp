#pragma once
// What the changes of one commit leave behind: audit rows and events, numbered without gaps in commit order.
#include "storage/audit_head.hpp"
#include "storage/database.hpp"
#include "storage/session.hpp"

#include <optional>
#include <vector>

namespace kernel::storage {

class Journal {
 public:
  struct Entry {
    const Actor* actor;
    Change* change;  ///< its texts are moved out
  };

  /// `audit_head`: where the newest row is noted outside the database; empty: nowhere.
  Journal(Dialect dialect, std::string audit_key, const std::filesystem::path& audit_head);

  /// The last step before the commit: holds the head of the log until then, so that no other node numbers in between.
  /// Throws SqlError when rows that were committed are gone: what cannot be audited is not done.
  std::vector<EventPtr> append(Session& session, std::span<const Entry> entries);
  /// After the commit, before anybody is told of it.
  void committed();

 private:
  struct Head {
    std::int64_t event_sequence = 0, audit_sequence = 0;
    std::string audit_code;
  };
  Head lock_head(Session& session) const;

  Dialect dialect_;
  std::string key_;
  std::optional<AuditHead> noted_;
  AuditHead::Point last_;    ///< known to be in the database
  AuditHead::Point coming_;  ///< in it once the transaction is committed
};

}  // namespace kernel::storage
