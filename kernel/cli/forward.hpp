#pragma once
// Words that the program itself does not know: commands of plugins, asked of the running kernel.
#include <string>
#include <vector>

namespace kernel::cli {

/// Runs a plugin's command and prints what comes; returns its exit code. Throws Failure.
int forward(const std::string& name, const std::vector<std::string>& arguments);
/// The commands of the running kernel as lines for --help; empty when no kernel answers soon.
std::string forwarded_commands();

}  // namespace kernel::cli
