#include "cli/checks.hpp"
#include "cli/failure.hpp"
#include "cli/options.hpp"
#include "cli/program.hpp"
#include "observability/printable.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <iostream>
#include <optional>
#include <vector>

namespace kernel::cli {
namespace {

struct Options {
  InstallationOptions installation;
  bool json = false;
};

const char* word(Finding::State state) {
  constexpr const char* words[] = {"ok", "warning", "failed"};
  return words[static_cast<std::size_t>(state)];
}

void print(const std::vector<Finding>& findings) {
  for (const auto& finding : findings) {
    std::string head = word(finding.state);
    head.resize(9, ' ');
    std::cout << head << finding.name << ": " << observability::printable(finding.detail, 2000) << '\n';
    if (!finding.cure.empty()) std::cout << "         -> " << observability::printable(finding.cure, 2000) << '\n';
  }
}

int examine(const Options& options) {
  std::optional<config::Config> config;
  auto findings = check_configuration(options.installation.inputs(), config);
  if (config) {
    for (auto& finding : check_installation(*config)) findings.push_back(std::move(finding));
  }
  for (auto& finding : check_machine()) findings.push_back(std::move(finding));
  const auto failed = std::count_if(findings.begin(), findings.end(),
                                    [](const auto& finding) { return finding.state == Finding::State::failed; });
  if (options.json) {
    auto checks = nlohmann::json::array();
    for (const auto& finding : findings) {
      checks.push_back({{"name", finding.name},
                        {"state", word(finding.state)},
                        {"detail", finding.detail},
                        {"cure", finding.cure.empty() ? nlohmann::json() : nlohmann::json(finding.cure)}});
    }
    std::cout << nlohmann::json{{"ok", failed == 0}, {"checks", checks}}.dump(2, ' ', false,
                                                                              nlohmann::json::error_handler_t::replace)
              << '\n';
  } else {
    print(findings);
  }
  if (failed != 0) throw Failure(std::to_string(failed) + " checks failed; what to do stands below each of them");
  return 0;
}

}  // namespace

void add_doctor(CLI::App& app, Program& program) {
  auto* command = app.add_subcommand("doctor", "Check everything that can be in the way, and say what to do about it");
  auto options = on_chosen<Options>(*command, program, examine);
  add_installation_options(*command, options->installation);
  add_json_option(*command, options->json);
  command->footer("Example:\n  atrium doctor --config /etc/atrium/atrium.toml");
}

}  // namespace kernel::cli
