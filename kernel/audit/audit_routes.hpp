#pragma once
// The audit log for admins: built into the kernel, declared as a plugin declares its own routes.
#include "audit/filter.hpp"

#include <atrium/plugin.hpp>

#include <functional>

namespace kernel::audit {

class AuditRoutes final : public atrium::Plugin {
 public:
  void start() override;

 private:
  using TakeEntry = std::function<void(const struct Entry&)>;

  atrium::Reply list(const atrium::Request& request) const;
  atrium::Async<void> send_all(atrium::Request request);
  /// At most `limit` entries after `after` and up to `last`, oldest first; the sequence of the last one, 0: none.
  std::int64_t read(const Filter& filter, std::int64_t after, std::int64_t last, std::int64_t limit,
                    const TakeEntry& take) const;
};

}  // namespace kernel::audit
