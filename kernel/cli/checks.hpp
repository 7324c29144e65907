#pragma once
// What `atrium doctor` looks at. Nothing is changed, nothing is started.
#include "config/config.hpp"

#include <optional>
#include <string>
#include <vector>

namespace kernel::cli {

struct Finding {
  enum class State : std::uint8_t { ok, warning, failed };
  std::string name;
  State state = State::ok;
  std::string detail;  ///< what was found
  std::string cure;    ///< what to do about it; empty when ok
};

/// One finding for each fault and warning, or one that says all is well; with a config when it can be used.
std::vector<Finding> check_configuration(const config::Inputs& inputs, std::optional<config::Config>& config);

/// Everything that depends on the configuration.
std::vector<Finding> check_installation(const config::Config& config);

/// What the machine itself brings: open files, clock, certificates of other hosts.
std::vector<Finding> check_machine();

}  // namespace kernel::cli
