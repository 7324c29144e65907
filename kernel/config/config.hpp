#pragma once
// The configuration of one kernel: what may be said, where each value came from, what is wrong with it.
// Order of precedence: defaults < file < environment < arguments.
#include <nlohmann/json.hpp>

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace kernel::config {

/// Effective values; the initialisers here are the defaults. Plain data: copy it freely.
struct Config {
  struct {
    std::string url = "sqlite:DATA/atrium.db";
  } database;
  struct {
    std::string url = "memory:";
  } cache;
  struct {
    std::string url = "file:DATA/objects";
  } objects;
  struct {
    std::string url;
  } mail;
  struct {
    std::string key, previous_key;
  } vault;
  struct {
    std::string directory = "./atrium-data";
  } data;
  struct {
    std::string listen = "127.0.0.1:8000";
    std::string tls_certificate, tls_key;
    bool behind_proxy = false;
    std::vector<std::string> trusted_proxies;
    struct {
      std::int64_t per_principal = 600'000;  ///< requests a minute
      std::int64_t per_address = 1'200'000;  ///< requests a minute
    } rate_limit;
    std::int64_t max_body = 1 << 20;                     ///< bytes
    std::int64_t max_upload = (512 << 20) + (64 << 10);  ///< bytes: a file of 512 MiB and the form around it
    std::vector<std::string> cors_origins;
  } http;
  struct {
    std::vector<std::string> allow_private, deny;  ///< CIDRs
  } egress;
  struct {
    std::vector<std::string> enabled = {"*"};  ///< ids; "*": every installed one
    std::string directory;
    std::vector<std::string> trusted_keys;
    bool allow_unsigned = false;
  } plugins;
  struct {
    std::string level = "info", format = "text";
  } log;
  std::map<std::string, nlohmann::json> plugin;  ///< [plugin.ID] as it stands in the file
};

/// Where a key's value lives, and so its type.
using Slot = std::variant<std::string*, std::int64_t*, bool*, std::vector<std::string>*>;

/// One key, declared once in schema.cpp; the file, the environment, `config show` and the sample all read from here.
struct Key {
  std::string_view name;  ///< "http.listen"
  Slot (*slot)(Config&);
  std::string_view description;
  /// Empty when the value will do, else what was expected.
  std::string (*expected)(const Slot&) = nullptr;
  std::string_view example = {};  ///< for the sample, where the default says too little
  bool secret = false;            ///< shown masked
  bool live = false;              ///< may change by SIGHUP
};
std::span<const Key> keys();
std::string environment_name(const Key& key);  ///< "ATRIUM_HTTP_LISTEN"
nlohmann::json value_of(const Key& key, const Config& config);
/// The value as it may be shown: keys, and passwords inside URLs, are replaced by "***".
nlohmann::json masked_value_of(const Key& key, const Config& config);
/// A [plugin.ID] table with members that look like credentials masked.
nlohmann::json masked_table(const nlohmann::json& table);

/// Everything that is wrong with a configuration: one fault an entry, each with its place and what was expected.
class ConfigError : public std::runtime_error {
 public:
  explicit ConfigError(std::vector<std::string> faults);
  const std::vector<std::string>& faults() const { return faults_; }

 private:
  std::vector<std::string> faults_;
};

struct Inputs {
  std::string file = {};                                ///< empty: none is read
  std::map<std::string, std::string> environment = {};  ///< the whole of it
  std::map<std::string, std::string> arguments = {};    ///< key name -> text
};

struct Loaded {
  Config config;
  std::map<std::string, std::string> sources;  ///< key name -> "default", "FILE:LINE", "environment NAME", "argument"
  std::vector<std::string> warnings;           ///< ATRIUM_* variables that nothing here reads
};

/// Throws ConfigError. In the result the data directory is absolute and DATA in the URLs is replaced by it.
Loaded load(const Inputs& inputs);
std::map<std::string, std::string> process_environment();

/// Names of keys whose values differ.
std::vector<const Key*> changed_keys(const Config& before, const Config& after);

struct HostPort {
  std::string host;  ///< without brackets
  std::uint16_t port = 0;
};
/// "127.0.0.1:8000", "[::1]:8000"; throws std::invalid_argument.
HostPort parse_host_port(std::string_view text);
bool is_loopback(std::string_view host);

/// The commented sample of every key: config/atrium.toml.
std::string sample_file();

/// Where plugins are looked for unless configured: beside the program in a build, under lib/ when installed.
std::filesystem::path default_plugin_directory();

}  // namespace kernel::config
