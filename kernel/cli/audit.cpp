#include "storage/audit.hpp"

#include "cli/failure.hpp"
#include "cli/options.hpp"
#include "cli/program.hpp"
#include "cli/store.hpp"

#include <CLI/CLI.hpp>

#include <nlohmann/json.hpp>

#include <iostream>

namespace kernel::cli {
namespace {

struct Options {
  InstallationOptions installation;
  bool json = false;
};

int verify(const Options& options) {
  Store store(options.installation.load().config);
  const auto noted = storage::AuditHead(store.audit_head).read();
  const auto broken = storage::verify_audit(*store.database, store.keys.audit, noted);
  if (options.json) {
    std::cout << nlohmann::json{{"ok", !broken}, {"broken_at", broken ? nlohmann::json(*broken) : nullptr}}.dump()
              << '\n';
    return broken ? 1 : 0;
  }
  if (broken) {
    throw Failure("the audit log is not what was written, from row " + std::to_string(*broken) +
                  " on: a row was changed, taken out or cut off; compare it with a backup");
  }
  std::cout << "The audit log is whole.\n";
  return 0;
}

}  // namespace

void add_audit(CLI::App& app, Program& program) {
  auto* audit = app.add_subcommand("audit", "The audit log");
  audit->require_subcommand(1);
  audit->footer("Example:\n  atrium audit verify");
  auto* command = audit->add_subcommand("verify", "Check the chain of the audit log's rows");
  auto options = on_chosen<Options>(*command, program, verify);
  add_installation_options(*command, options->installation);
  add_json_option(*command, options->json);
  command->footer("Example:\n  atrium audit verify --data /var/lib/atrium");
}

}  // namespace kernel::cli
