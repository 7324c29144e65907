// keygen, pack and verify: a plugin as one signed file, with no kernel running.
#include "cli/failure.hpp"
#include "cli/options.hpp"
#include "cli/plugin_commands.hpp"
#include "cli/program.hpp"
#include "packages/package.hpp"
#include "packages/permissions.hpp"

#include <CLI/CLI.hpp>

#include <fstream>
#include <iostream>
#include <tuple>

namespace kernel::cli {
namespace {

namespace fs = std::filesystem;

struct Options {
  InstallationOptions installation;
  std::string path, key_file, output;
  std::vector<std::string> public_keys;
  bool json = false;
};

int keygen(const Options& options) {
  const auto key = packages::SecretKey::make();
  key.write(options.path);
  const auto line = packages::shown(key.public_key());
  if (options.json) {
    std::cout << nlohmann::json{{"secret_key_file", options.path},
                                {"public_key_file", options.path + ".pub"},
                                {"public_key", line},
                                {"fingerprint", packages::fingerprint(key.public_key())}}
                     .dump(2)
              << '\n';
  } else {
    std::cout << "Keep " << options.path << " to yourself; whoever has it signs in your name.\n"
              << "Give " << options.path << ".pub to whoever installs your plugins (plugins.trusted_keys):\n"
              << line << '\n';
  }
  return 0;
}

int pack(const Options& options) {
  std::optional<packages::SecretKey> key;
  if (!options.key_file.empty()) key = packages::SecretKey::read(options.key_file);
  const auto bytes = packages::pack(options.path, key);
  const auto manifest = plugins::Manifest::read(options.path);
  const auto file = options.output.empty() ? manifest.id + "-" + manifest.version + ".atp" : options.output;
  const auto part = file + ".part";
  std::ofstream stream(part, std::ios::binary | std::ios::trunc);
  stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  stream.close();
  if (!stream) throw Failure("cannot write " + part);
  fs::rename(part, file);
  if (options.json) {
    std::cout << nlohmann::json{{"file", file}, {"bytes", bytes.size()}, {"signed", key.has_value()}}.dump(2) << '\n';
  } else {
    std::cout << file << ": " << bytes.size() << " bytes, "
              << (key ? "signed with the key " + packages::fingerprint(key->public_key())
                      : std::string("signed by nobody: pack it with --key to have it installed elsewhere"))
              << '\n';
  }
  return 0;
}

packages::Trust trust_of(const Options& options) {
  const auto config = options.installation.load().config;
  auto files = config.plugins.trusted_keys;
  files.insert(files.end(), options.public_keys.begin(), options.public_keys.end());
  return {packages::read_public_keys(files), config.plugins.allow_unsigned};
}

int verify(const Options& options) {
  const auto package = packages::Package::open(options.path, trust_of(options));
  const auto& manifest = package.manifest();
  if (options.json) {
    const auto signer = package.signer();
    std::cout << nlohmann::json{{"id", manifest.id},
                                {"version", manifest.version},
                                {"name", manifest.name},
                                {"sha256", package.sha256()},
                                {"signed_by", signer ? nlohmann::json(packages::fingerprint(*signer)) : nullptr},
                                {"architectures", package.architectures()},
                                {"permissions", packages::permissions_of(manifest)}}
                     .dump(2)
              << '\n';
    return 0;
  }
  std::cout << manifest.name << " (" << manifest.id << " " << manifest.version << ")\n"
            << (package.signer() ? "signed with the key " + packages::fingerprint(*package.signer())
                                 : std::string("signed by nobody"))
            << ", sha256 " << package.sha256() << "\nIt asks for:\n";
  for (const auto& line : packages::permission_lines(packages::permissions_of(manifest)))
    std::cout << "  " << line << '\n';
  return 0;
}

}  // namespace

void add_plugin_package(CLI::App& plugin, Program& program) {
  const auto add = [&](const char* name, const char* about, int (*act)(const Options&), const char* what,
                       const char* type, const char* example) {
    auto* command = plugin.add_subcommand(name, about);
    auto options = on_chosen<Options>(*command, program, act);
    auto* path = command->add_option(type[0] == 'D' ? "folder" : "file", options->path, what)->type_name(type);
    add_json_option(*command, options->json);
    command->footer("Example:\n  " + std::string(example));
    return std::tuple(command, options, path);
  };
  auto [making, made, key_path] =
      add("keygen", "Make a key to sign packages with", keygen,
          "Where the secret key goes; the public one goes to FILE.pub", "FILE", "atrium plugin keygen vendor.key");
  made->path = "atrium-plugin.key";
  key_path->capture_default_str();
  auto [packing, packed, folder] =
      add("pack", "Make a package of a plugin that is built", pack, "Holds plugin.json, ID.so, migrations/, docs/, ...",
          "DIR", "atrium plugin pack build/plugins/notes --key vendor.key");
  folder->required();
  packing->add_option("--key", packed->key_file, "Sign it with this secret key")->type_name("FILE");
  packing->add_option("--output", packed->output, "The package; ID-VERSION.atp when absent")->type_name("FILE");
  auto [verifying, verified, package] =
      add("verify", "Check a package and show what its plugin asks for", verify, "The package", "FILE",
          "atrium plugin verify notes-1.0.0.atp --key vendor.key.pub");
  package->required();
  verifying->add_option("--key", verified->public_keys, "Trust this public key beside plugins.trusted_keys")
      ->type_name("FILE");
  add_installation_options(*verifying, verified->installation);
}

}  // namespace kernel::cli
