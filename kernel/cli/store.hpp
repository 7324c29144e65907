#pragma once
// The installation's own store, opened by a command beside a kernel that may be running.
#include "auth/auth.hpp"
#include "auth/settings_sealer.hpp"
#include "config/config.hpp"

#include <memory>

namespace kernel::cli {

struct Store {
  explicit Store(const config::Config& config);

  auth::Keys keys;
  std::filesystem::path audit_head;
  std::unique_ptr<storage::Database> database;
  auth::SettingsSealer sealer;
  settings::Registry settings;
};

}  // namespace kernel::cli
