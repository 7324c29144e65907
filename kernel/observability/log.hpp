#pragma once
// One log for everybody: a line of JSON or text each, to stderr, through spdlog (only log.cpp includes it).
#include <nlohmann/json_fwd.hpp>

#include <string>
#include <string_view>

namespace kernel::observability {

enum class Level : std::uint8_t { trace, debug, info, warning, error };

void setup_log(Level least, bool as_json);
bool log_enabled(Level level);
/// component: "http", "storage", a plugin's id, ... fields_json: an object or empty.
void log(Level level, std::string_view component, std::string_view message, std::string_view fields_json = {});

}  // namespace kernel::observability
