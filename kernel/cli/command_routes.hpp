#pragma once
// The commands that plugins bring to the command line.
#include "plugins/services.hpp"
#include "routing/route.hpp"

#include <memory>
#include <vector>

namespace kernel::cli {

/// GET /commands: what plugins provide as the services "command/NAME". POST /commands/{name} {"arguments": [...]} runs
/// one in the caller's name; the answer is a line of JSON for each piece: {"out"}, {"err"}, last {"exit": code}.
class Commands {
 public:
  /// `services` outlives it.
  explicit Commands(plugins::Services& services);
  /// Outlive this object; commands that are run after stop() are refused.
  std::vector<routing::Route> routes();
  /// Cancels those that run, some of which would follow something for hours, and refuses others. Any thread.
  void stop();

 private:
  class Running;
  std::shared_ptr<Running> running_;
};

}  // namespace kernel::cli
