#pragma once
// GET /settings/health: built into the kernel, declared as a plugin declares its own.
#include "probes/probes.hpp"

#include <atrium/plugin.hpp>

namespace kernel::probes {

class HealthRoute final : public atrium::Plugin {
 public:
  /// `probes` outlives this object.
  explicit HealthRoute(Probes& probes) : probes_(probes) {}
  void start() override;

 private:
  Probes& probes_;
};

}  // namespace kernel::probes
