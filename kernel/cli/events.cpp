#include "cli/client.hpp"
#include "cli/failure.hpp"
#include "cli/options.hpp"
#include "cli/program.hpp"
#include "observability/printable.hpp"

#include <CLI/CLI.hpp>

#include <nlohmann/json.hpp>

#include <chrono>
#include <iostream>
#include <thread>
#include <utility>

namespace kernel::cli {
namespace {

struct Options {
  ClientOptions client;
  std::string pattern = "*", after;
  bool json = false;
};

constexpr int attempts_without_progress = 10, unauthorized = 4401;

/// An answer of the kernel's that another attempt does not change.
class Refused : public Failure {
 public:
  using Failure::Failure;
};

void print(const nlohmann::json& event, bool json) {
  const auto text = [](const nlohmann::json& value) {
    return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  };
  if (json) {
    std::cout << text(event) << std::endl;  // one line each, so that the output can be piped
    return;
  }
  std::cout << observability::printable(event.value("id", ""), 40) << "  "
            << observability::printable(event.value("type", ""), 100) << "  "
            << observability::printable(text(event.value("data", nlohmann::json())), 2000) << std::endl;
}

class Following {
 public:
  explicit Following(const Options& options) : options_(options), client_(options.client), after_(options.after) {}

  /// Until standard output is closed, through restarts of the kernel. Throws Failure.
  void run() {
    while (std::cout.good()) {
      std::string why = "the kernel closes the connection again and again";
      try {
        follow();
      } catch (const Refused&) {
        throw;
      } catch (const Failure& failure) {
        // The first is an answer; a later one may be the kernel's restart.
        if (!subscribed_once_) throw;
        why = failure.what();
      }
      if (failures_ >= attempts_without_progress) throw Failure(why);
      std::this_thread::sleep_for(std::chrono::milliseconds(500) * (1 + failures_++));
    }
  }

 private:
  void follow() {
    auto socket = client_.open_socket();
    socket.send({{"type", "subscribe"}, {"event", options_.pattern}});
    if (!after_.empty()) socket.send({{"type", "resume"}, {"after", after_}});
    while (const auto message = socket.receive()) {
      take(*message);
      if (!std::cout.good()) return;
    }
    if (socket.close_code() == unauthorized && !client_.renew())
      throw Refused("You are not signed in; use `atrium login`, or name a token by --token-file or ATRIUM_TOKEN");
  }

  void take(const nlohmann::json& message) {
    const auto type = message.value("type", "");
    if (type == "error") throw Refused(observability::printable(message.value("detail", ""), 300));
    if (type == "resume_gap")
      throw Refused("the events after " + after_ + " are gone or to come; the oldest is " +
                    message.value("oldest", ""));
    if (type == "subscribed") {
      if (!std::exchange(subscribed_once_, true))
        std::cerr << "following " << options_.pattern << " on " << client_.url() << std::endl;
      failures_ = 0;
      return;
    }
    after_ = message.value("id", after_);
    print(message, options_.json);
  }

  const Options& options_;
  Client client_;
  std::string after_;
  bool subscribed_once_ = false;
  int failures_ = 0;
};

int follow(const Options& options) {
  Following(options).run();
  return 0;
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
