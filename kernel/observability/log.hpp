#pragma once
// One log for everybody: a line of JSON or text each, to stderr, through spdlog (only log.cpp includes it).
#include <cstdint>
#include <string_view>

namespace kernel::observability {

enum class Level : std::uint8_t { trace, debug, info, warning, error };

/// Any thread, at any time; before the first call the log is text from Level::info on.
void setup_log(Level least, bool as_json);
bool log_enabled(Level level);
/// component: "http", "storage", a plugin's id, ... fields_json: an object or empty. Whatever the texts hold, this is
/// one line of printable characters; long texts are cut. Never throws. Secrets are the caller's to keep out.
void log(Level level, std::string_view component, std::string_view message, std::string_view fields_json = {});

}  // namespace kernel::observability
