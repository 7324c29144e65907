#pragma once
// What stands where in a backup. The description comes first, the database last.
#include <string_view>

namespace kernel::cli {

constexpr std::string_view backup_description = "atrium-backup.json";  ///< {"format", "version", "made_at", "database"}
constexpr int backup_format = 1;
constexpr std::string_view backup_data = "data/";        ///< what the data directory holds besides: keys, packages
constexpr std::string_view backup_objects = "objects/";  ///< one file each, by its id
constexpr std::string_view backup_database = "database/atrium.db";

}  // namespace kernel::cli
