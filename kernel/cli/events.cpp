#include "cli/failure.hpp"
#include "cli/options.hpp"
#include "cli/program.hpp"
#include "observability/printable.hpp"

#include <CLI/CLI.hpp>

#include <nlohmann/json.hpp>

#include <chrono>
#include <iostream>
#include <thread>

namespace kernel::cli {
namespace {

struct Options {
  ClientOptions client;
  std::string pattern = "*", after;
  bool json = false;
};

constexpr int attempts_without_progress = 10;

/// Puts the lines of a Server-Sent Events stream together again.
class Reader {
 public:
  explicit Reader(bool json) : json_(json) {}

  /// True when a line completed an event that was printed.
  bool line(std::string_view line) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) return flush();
    const auto colon = line.find(':');
    const auto field = line.substr(0, colon);
    auto value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    if (field == "id") last_id_ = value;
    if (field == "event") event_ = value;
    if (field == "data") data_ += (data_.empty() ? "" : "\n") + std::string(value);
    return false;
  }

  const std::string& last_id() const { return last_id_; }

 private:
  bool flush() {
    if (data_.empty()) return false;
    auto message = nlohmann::json::parse(data_, nullptr, false);
    if (json_) {
      // One line each, so that the output can be piped.
      std::cout << (message.is_discarded() ? nlohmann::json(data_) : message).dump(-1, ' ', false, replace)
                << std::endl;
    } else {
      std::cout << observability::printable(last_id_, 40) << "  " << observability::printable(event_, 100) << "  "
                << observability::printable(data_, 2000) << std::endl;
    }
    data_.clear();
    event_.clear();
    return true;
  }

  static constexpr auto replace = nlohmann::json::error_handler_t::replace;
  bool json_;
  std::string last_id_, event_, data_;
};

int follow(const Options& options) {
  Client client(options.client);
  Reader reader(options.json);
  std::string after = options.after;
  for (int failures = 0;; ++failures) {
    bool connected = false;
    try {
      Client::Headers headers{{"Accept", "text/event-stream"}};
      if (!after.empty()) headers["Last-Event-ID"] = after;
      client.stream("GET", "/events?event=" + url_encoded(options.pattern), headers, nullptr,
                    [&](std::string_view line) {
                      connected = true;
                      reader.line(line);
                      if (!reader.last_id().empty()) after = reader.last_id();
                      return std::cout.good();
                    });
    } catch (const Failure&) {
      // The first refusal is an answer; a later one may be the kernel's restart.
      if (failures == 0 && !connected && after == options.after) throw;
      if (failures >= attempts_without_progress) throw;
    }
    if (!std::cout.good()) return 0;
    if (connected) failures = 0;
    std::this_thread::sleep_for(std::chrono::milliseconds(500) * (1 + failures));
  }
}

}  // namespace

void add_events(CLI::App& app, Program& program) {
  auto* command = app.add_subcommand("events", "Follow the event stream");
  auto options = on_chosen<Options>(*command, program, follow);
  command->add_option("pattern", options->pattern, "Which: a type, a prefix with .*, or * for all")
      ->type_name("PATTERN");
  command->add_option("--after", options->after, "Begin after the event of this id")->type_name("ID");
  add_client_options(*command, options->client);
  add_json_option(*command, options->json);
  command->footer("Example:\n  atrium events 'user.*' --json");
}

}  // namespace kernel::cli
