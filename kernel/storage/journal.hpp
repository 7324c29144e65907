#pragma once
// What the changes of one commit leave behind: audit rows and events, numbered without gaps in commit order.
#include "storage/database.hpp"
#include "storage/session.hpp"

#include <vector>

namespace kernel::storage {

class Journal {
 public:
  struct Entry {
    const Actor* actor;
    Change* change;  ///< its texts are moved out
  };

  Journal(Dialect dialect, std::string audit_key) : dialect_(dialect), key_(std::move(audit_key)) {}

  /// The last step before the commit: holds the head of the log until then, so that no other node numbers in between.
  std::vector<EventPtr> append(Session& session, std::span<const Entry> entries) const;

 private:
  struct Head {
    std::int64_t event_sequence = 0, audit_sequence = 0;
    std::string audit_code;
  };
  Head lock_head(Session& session) const;

  Dialect dialect_;
  std::string key_;
};

}  // namespace kernel::storage
