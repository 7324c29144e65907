#include "cli/options.hpp"
#include "cli/program.hpp"
#include "cli/table.hpp"

#include <atrium/abi.h>
#include <openssl/crypto.h>
#include <sqlite3.h>
#include <CLI/CLI.hpp>

#include <iostream>
#include <vector>

namespace kernel::cli {
namespace {

struct Options {
  bool json = false;
};

int print(const Options& options) {
  const std::string abi = "1." + std::to_string(ATRIUM_ABI_MINOR);
  const nlohmann::json libraries{{"openssl", OpenSSL_version(OPENSSL_VERSION_STRING)},
                                 {"sqlite", sqlite3_libversion()}};
  const nlohmann::json all{
      {"version", ATRIUM_VERSION}, {"abi", abi}, {"compiler", "g++ " __VERSION__}, {"libraries", libraries}};
  if (options.json) {
    std::cout << all.dump(2) << '\n';
    return 0;
  }
  std::vector<std::vector<std::string>> rows{{"atrium", ATRIUM_VERSION}, {"abi", abi}, {"compiler", all["compiler"]}};
  for (const auto& [name, version] : libraries.items()) rows.push_back({name, version});
  print_table({"PART", "VERSION"}, rows);
  return 0;
}

}  // namespace

void add_version(CLI::App& app, Program& program) {
  auto* command = app.add_subcommand("version", "Version, ABI, build, libraries");
  auto options = on_chosen<Options>(*command, program, print);
  add_json_option(*command, options->json);
  command->footer("Example:\n  atrium version --json");
}

}  // namespace kernel::cli
