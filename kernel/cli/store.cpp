#include "cli/store.hpp"

#include "observability/log.hpp"
#include "storage/audit_head.hpp"

#include <sys/stat.h>

namespace kernel::cli {
namespace {

auth::Keys open_keys(const config::Config& config) {
  umask(077);
  observability::setup_log(observability::Level::warning, false);
  std::filesystem::create_directories(config.data.directory);
  return auth::Keys::open(config.data.directory);
}

}  // namespace

Store::Store(const config::Config& config)
    : keys(open_keys(config)),
      audit_head(std::filesystem::path(config.data.directory) / storage::AuditHead::file_name),
      database(storage::Database::open(
          {.url = config.database.url, .readers = 1, .audit_key = keys.audit, .audit_head = audit_head})),
      sealer(keys.settings),
      settings(*database, sealer) {
  settings.load();
}

}  // namespace kernel::cli
