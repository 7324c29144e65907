#pragma once
// plugin.json: what a plugin says of itself before any of its code runs.
#include <nlohmann/json.hpp>

#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace kernel::plugins {

/// Names the file and the member at fault.
class ManifestError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A word of the command line that runs the service command/NAME.
struct Command {
  std::string name, summary, usage, example;
};

struct Manifest {
  std::string id;       ///< a slug: lower-case letters, digits and single hyphens, at most 64
  std::string version;  ///< MAJOR.MINOR.PATCH, optionally with a pre-release
  std::string name, description;
  std::uint32_t abi_major = 1, abi_minor = 0;
  std::vector<std::string> interfaces;  ///< ids it may get(); empty: every one
  std::vector<std::string> tables;      ///< it may touch these and no others
  std::vector<std::string> routes;      ///< it may answer these paths and those below, and no others
  std::vector<std::string> provides;    ///< "kind/name"; "kind/*" where the names are known only at run time; its
                                        ///< commands among them
  std::vector<std::string> requires_;   ///< it does not start without them; "kind/*": any of that kind
  std::vector<std::string> uses;        ///< it starts after them where they are there
  bool egress_user = false, egress_operator = false;
  std::vector<std::string> egress_hosts;  ///< with egress_user: these and no others; empty: any
  bool keys = false;                      ///< it may wrap keys under the master key
  std::vector<std::string> environment;
  std::vector<Command> commands;
  nlohmann::json settings = nlohmann::json::array();  ///< as declared

  /// `file` stands in the messages. Throws ManifestError.
  static Manifest parse(std::string_view text, const std::string& file);
  /// Reads folder/plugin.json. Throws ManifestError.
  static Manifest read(const std::filesystem::path& folder);
};

/// Lower-case letters, digits and single hyphens between them, 1..64.
bool valid_slug(std::string_view text);

}  // namespace kernel::plugins
