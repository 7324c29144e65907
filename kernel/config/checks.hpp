#pragma once
// What a value must look like beyond its type. Each answers empty, or what was expected.
#include "config/config.hpp"

namespace kernel::config {

std::string expect_database_url(const Slot&);
std::string expect_cache_url(const Slot&);
std::string expect_objects_url(const Slot&);
std::string expect_mail_url(const Slot&);
std::string expect_vault_key(const Slot&);
std::string expect_not_empty(const Slot&);
std::string expect_host_port(const Slot&);
std::string expect_cidrs(const Slot&);
std::string expect_origins(const Slot&);
std::string expect_plugin_ids(const Slot&);
std::string expect_log_level(const Slot&);
std::string expect_log_format(const Slot&);
std::string expect_rate(const Slot&);
std::string expect_bytes(const Slot&);

}  // namespace kernel::config
