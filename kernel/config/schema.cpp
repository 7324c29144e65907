// The one list of what may be configured. The default of a key is the initialiser of its member in Config.
#include "config/checks.hpp"
#include "config/config.hpp"

#include <algorithm>
#include <cctype>
#include <variant>
#include <vector>

namespace kernel::config {
namespace {

constexpr Key schema[] = {
    {.name = "database.url",
     .slot = [](Config& c) -> Slot { return &c.database.url; },
     .description = "Where everything is kept: SQLite in one file, or PostgreSQL. DATA stands for the data directory.",
     .expected = expect_database_url,
     .example = "postgresql://atrium:PASSWORD@db.internal:5432/atrium",
     .secret = true},
    {.name = "cache.url",
     .slot = [](Config& c) -> Slot { return &c.cache.url; },
     .description = "Within this process, or Redis where several nodes share one database (rediss:// for TLS).",
     .expected = expect_cache_url,
     .example = "redis://:PASSWORD@cache.internal:6379",
     .secret = true},
    {.name = "objects.url",
     .slot = [](Config& c) -> Slot { return &c.objects.url; },
     .description = "Where uploaded bytes are kept: a folder, or a bucket (s3+http only on a private network).",
     .expected = expect_objects_url,
     .example = "s3+https://KEY:SECRET@s3.example.com:443/atrium?region=eu-1",
     .secret = true},
    {.name = "mail.url",
     .slot = [](Config& c) -> Slot { return &c.mail.url; },
     .description = "The server that sends mail: smtp:// with STARTTLS, or smtps://. Empty: no mail is sent.",
     .expected = expect_mail_url,
     .example = "smtp://USER:PASSWORD@mail.example.com:587",
     .secret = true},
    {.name = "vault.key",
     .slot = [](Config& c) -> Slot { return &c.vault.key; },
     .description = "The master key of the vault, base64url of 32 bytes: for several nodes. Empty: made in DATA/keys.",
     .expected = expect_vault_key,
     .example = "the output of: head -c 32 /dev/urandom | basenc --base64url | tr -d =",
     .secret = true},
    {.name = "vault.previous_key",
     .slot = [](Config& c) -> Slot { return &c.vault.previous_key; },
     .description = "While the master key is being changed: the one before it.",
     .expected = expect_vault_key,
     .secret = true},
    {.name = "data.directory",
     .slot = [](Config& c) -> Slot { return &c.data.directory; },
     .description = "The folder of this kernel: keys, database and objects unless they are elsewhere. One kernel each.",
     .expected = expect_not_empty},
    {.name = "http.listen",
     .slot = [](Config& c) -> Slot { return &c.http.listen; },
     .description = "HOST:PORT, an address of this machine. Others than loopback need TLS or http.behind_proxy.",
     .expected = expect_host_port,
     .example = "0.0.0.0:8443"},
    {.name = "http.tls_certificate",
     .slot = [](Config& c) -> Slot { return &c.http.tls_certificate; },
     .description = "A PEM file: the certificate and those that lead to its root. Needs http.tls_key.",
     .example = "/etc/atrium/certificate.pem"},
    {.name = "http.tls_key",
     .slot = [](Config& c) -> Slot { return &c.http.tls_key; },
     .description = "A PEM file: the certificate's private key.",
     .example = "/etc/atrium/key.pem"},
    {.name = "http.behind_proxy",
     .slot = [](Config& c) -> Slot { return &c.http.behind_proxy; },
     .description = "A proxy in front ends TLS, so plain HTTP may be spoken on an address that is not loopback."},
    {.name = "http.trusted_proxies",
     .slot = [](Config& c) -> Slot { return &c.http.trusted_proxies; },
     .description = "CIDRs of the proxies whose X-Forwarded-For is believed.",
     .expected = expect_cidrs,
     .example = "10.0.0.0/8"},
    {.name = "http.max_body",
     .slot = [](Config& c) -> Slot { return &c.http.max_body; },
     .description = "Bytes of a JSON body; larger gets 413.",
     .expected = expect_bytes},
    {.name = "http.max_upload",
     .slot = [](Config& c) -> Slot { return &c.http.max_upload; },
     .description = "Bytes of an upload with the form around it; larger gets 413. The default lets a file of 512 MiB in.",
     .expected = expect_bytes},
    {.name = "http.cors_origins",
     .slot = [](Config& c) -> Slot { return &c.http.cors_origins; },
     .description = "Origins whose pages may call the API from a browser.",
     .expected = expect_origins,
     .example = "https://app.example.com"},
    {.name = "http.rate_limit.per_principal",
     .slot = [](Config& c) -> Slot { return &c.http.rate_limit.per_principal; },
     .description = "Requests a minute that one account or token may make.",
     .expected = expect_rate,
     .live = true},
    {.name = "http.rate_limit.per_address",
     .slot = [](Config& c) -> Slot { return &c.http.rate_limit.per_address; },
     .description = "Requests a minute that one client address may make.",
     .expected = expect_rate,
     .live = true},
    {.name = "egress.allow_private",
     .slot = [](Config& c) -> Slot { return &c.egress.allow_private; },
     .description = "CIDRs among the loopback, private and special ranges that addresses named by users may reach.",
     .expected = expect_cidrs,
     .example = "10.20.0.0/16",
     .live = true},
    {.name = "egress.deny",
     .slot = [](Config& c) -> Slot { return &c.egress.deny; },
     .description = "CIDRs that nobody may reach, whoever names them.",
     .expected = expect_cidrs,
     .example = "203.0.113.0/24",
     .live = true},
    {.name = "plugins.enabled",
     .slot = [](Config& c) -> Slot { return &c.plugins.enabled; },
     .description = "Ids of the plugins to load; \"*\" is every installed one.",
     .expected = expect_plugin_ids},
    {.name = "plugins.directory",
     .slot = [](Config& c) -> Slot { return &c.plugins.directory; },
     .description = "Where the plugins of the release are. Empty: beside the program.",
     .example = "/usr/lib/atrium/plugins"},
    {.name = "plugins.trusted_keys",
     .slot = [](Config& c) -> Slot { return &c.plugins.trusted_keys; },
     .description = "Public keys (base64, or files that hold them) whose packages may be installed.",
     .example = "/etc/atrium/vendor.pub"},
    {.name = "plugins.allow_unsigned",
     .slot = [](Config& c) -> Slot { return &c.plugins.allow_unsigned; },
     .description = "Install packages that nobody signed. A plugin runs inside this process: only to develop one."},
    {.name = "log.level",
     .slot = [](Config& c) -> Slot { return &c.log.level; },
     .description = "The least that is logged: trace, debug, info, warning, error.",
     .expected = expect_log_level,
     .live = true},
    {.name = "log.format",
     .slot = [](Config& c) -> Slot { return &c.log.format; },
     .description = "Lines of text, or of json.",
     .expected = expect_log_format,
     .live = true},
};

}  // namespace

std::span<const Key> keys() { return schema; }

std::string environment_name(const Key& key) {
  std::string name = "ATRIUM_" + std::string(key.name);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return c == '.' ? '_' : static_cast<char>(std::toupper(c)); });
  return name;
}

nlohmann::json value_of(const Key& key, const Config& config) {
  // The slot is only read through.
  const auto slot = key.slot(const_cast<Config&>(config));
  return std::visit([](const auto* value) { return nlohmann::json(*value); }, slot);
}

std::vector<const Key*> changed_keys(const Config& before, const Config& after) {
  std::vector<const Key*> changed;
  for (const auto& key : keys()) {
    if (value_of(key, before) != value_of(key, after)) changed.push_back(&key);
  }
  return changed;
}

}  // namespace kernel::config
