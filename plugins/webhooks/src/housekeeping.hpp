#pragma once
// What keeps the tables small: the log's bounds, and endpoints that never take what waits for them.
#include "outbox.hpp"

namespace webhooks {

class Housekeeping {
 public:
  Housekeeping(const atrium::Store& store, const Outbox& outbox, const Settings& settings)
      : store_(&store), outbox_(&outbox), settings_(&settings) {}

  /// Makes webhooks inactive for which more waits than the settings allow.
  void disable_the_stuck() const;
  /// Takes out what is too old or too much, and what belongs to nothing any more.
  void trim() const;

 private:
  /// One bounded step each; true: there may be more.
  bool forget_old() const;
  bool forget_excess() const;
  bool forget_orphans() const;
  bool forget_messages() const;
  std::size_t remove(std::string_view sql, const std::vector<std::string>& ids) const;

  const atrium::Store* store_;
  const Outbox* outbox_;
  const Settings* settings_;
};

}  // namespace webhooks
