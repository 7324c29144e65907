#include "observability/log.hpp"

#include "observability/printable.hpp"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <nlohmann/json.hpp>

#include <atomic>
#include <memory>

namespace kernel::observability {
namespace {

constexpr std::size_t max_component = 64, max_message = 8 * 1024, max_fields = 16 * 1024;

spdlog::level::level_enum spdlog_level(Level level) {
  switch (level) {
    case Level::trace:
      return spdlog::level::trace;
    case Level::debug:
      return spdlog::level::debug;
    case Level::info:
      return spdlog::level::info;
    case Level::warning:
      return spdlog::level::warn;
    case Level::error:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

/// Lives as long as the process: threads may log while static objects die.
class Output {
 public:
  static Output& get() {
    static auto* const output = new Output;
    return *output;
  }

  void setup(Level least, bool as_json) {
    as_json_.store(as_json, std::memory_order_relaxed);
    logger_.set_level(spdlog_level(least));
    const char* const pattern =
        as_json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})" : "%Y-%m-%dT%H:%M:%S.%eZ %-7l %v";
    logger_.set_formatter(std::make_unique<spdlog::pattern_formatter>(pattern, spdlog::pattern_time_type::utc, "\n"));
  }

  bool enabled(Level level) const { return logger_.should_log(spdlog_level(level)); }
  bool as_json() const { return as_json_.load(std::memory_order_relaxed); }
  void write(Level level, const std::string& line) { logger_.log(spdlog_level(level), spdlog::string_view_t(line)); }

 private:
  Output() : logger_("atrium", std::make_shared<spdlog::sinks::stderr_sink_mt>()) { setup(Level::info, false); }

  spdlog::logger logger_;
  std::atomic<bool> as_json_ = false;
};

std::string dump(const nlohmann::json& value) {
  return value.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

/// An object: the fields as given, or the text under "fields" when it is no object or too long.
nlohmann::json parse_fields(std::string_view fields_json) {
  if (fields_json.empty()) return nlohmann::json::object();
  if (fields_json.size() <= max_fields) {
    auto fields = nlohmann::json::parse(fields_json, nullptr, false);
    if (fields.is_object()) return fields;
  }
  return {{"fields", printable(fields_json, max_message)}};
}

std::string json_line(std::string_view component, std::string_view message, const nlohmann::json& fields) {
  auto line = "\"component\":" + dump(printable(component, max_component)) +
              ",\"message\":" + dump(printable(message, max_message));
  if (!fields.empty()) line += ",\"fields\":" + dump(fields);
  return line;
}

std::string text_line(std::string_view component, std::string_view message, const nlohmann::json& fields) {
  auto line = "[" + printable(component, max_component) + "] " + printable(message, max_message);
  for (const auto& [name, value] : fields.items()) {
    line += ' ' + printable(name, max_component) + '=' +
            printable(value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace), max_message);
  }
  return line;
}

}  // namespace

void setup_log(Level least, bool as_json) { Output::get().setup(least, as_json); }

bool log_enabled(Level level) { return Output::get().enabled(level); }

void log(Level level, std::string_view component, std::string_view message, std::string_view fields_json) {
  auto& output = Output::get();
  if (!output.enabled(level)) return;
  try {
    const auto fields = parse_fields(fields_json);
    output.write(level,
                 output.as_json() ? json_line(component, message, fields) : text_line(component, message, fields));
  } catch (const std::exception&) {
    // Out of memory: a line of the log is not worth the caller's work.
  }
}

}  // namespace kernel::observability
