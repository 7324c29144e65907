#include "cli/command_routes.hpp"
#include "cli/route_replies.hpp"

#include <atrium/abi.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <vector>

namespace kernel::cli {
namespace {

using nlohmann::json;

constexpr std::size_t most_arguments = 256, most_waiting = 4 << 20;
constexpr auto longest_run = std::chrono::hours(24);
constexpr std::string_view kind = "command/";

/// A running command's way to its client: lines of JSON, and no more waiting for a slow one than a bound.
class Output : public std::enable_shared_from_this<Output> {
 public:
  Output(ExchangePtr exchange, std::string usage) : exchange_(std::move(exchange)), usage_(std::move(usage)) {}

  void watch(std::shared_ptr<plugins::CallHandle> call) {
    exchange_->on_cancel([call] { call->cancel(); });
    const std::lock_guard lock(mutex_);
    call_ = std::move(call);
  }

  void write(std::string line) {
    line += '\n';
    if (waiting_ > most_waiting) {
      std::shared_ptr<plugins::CallHandle> call;
      {
        const std::lock_guard lock(mutex_);
        call = call_;
      }
      if (call) call->cancel();
      return;
    }
    const auto size = line.size();
    if (!exchange_->stream_write(std::move(line), [self = shared_from_this()] { self->waiting_ = 0; }))
      waiting_ += size;
  }

  void end(std::int32_t status, std::string_view text) {
    const auto result = json::parse(text, nullptr, false);
    int code = status == ATRIUM_E_INVALID ? 2 : status < 0 ? 1 : 0;
    if (status < 0) {
      auto message = result.is_object() ? result.value("message", "") : std::string();
      if (status == ATRIUM_E_CANCELLED)
        message = "cut off: the kernel is stopping, or the output was not read; what was begun may go on";
      if (message.empty()) message = "the command failed";
      if (code == 2) message += "; usage: " + usage_;
      write(json{{"err", "atrium: " + message + "\n"}}.dump(-1, ' ', false, json::error_handler_t::replace));
    } else if (result.is_object() && result.contains("exit") && result["exit"].is_number_integer()) {
      code = result["exit"].get<int>() & 0xff;
    }
    write(json{{"exit", code}}.dump());
    exchange_->stream_end();
  }

 private:
  const ExchangePtr exchange_;
  const std::string usage_;
  std::mutex mutex_;
  std::atomic<std::size_t> waiting_{0};  ///< bytes written since the client last lagged
  std::shared_ptr<plugins::CallHandle> call_;
};

json arguments_of(const ExchangePtr& exchange) {
  const auto body = json::parse(exchange->body(), nullptr, false);
  if (body.is_discarded()) throw atrium::bad_request("The body is not JSON.");
  if (!body.is_object() || !body.contains("arguments")) throw atrium::invalid("/arguments", "is required");
  std::vector<atrium::Fault> faults;
  for (const auto& [name, value] : body.items()) {
    if (name != "arguments") faults.push_back({"/" + name, "is unknown"});
  }
  const auto& arguments = body["arguments"];
  const auto is_text = [](const json& argument) { return argument.is_string(); };
  if (!arguments.is_array() || arguments.size() > most_arguments ||
      !std::all_of(arguments.begin(), arguments.end(), is_text)) {
    faults.push_back({"/arguments", "must be a list of at most 256 texts"});
  }
  if (!faults.empty()) throw atrium::invalid(std::move(faults));
  return arguments;
}

/// "summary", "usage" and "example", as the manifest says them.
json help_of(const plugins::Provider& provider) {
  auto help = json::parse(provider.metadata, nullptr, false);
  return help.is_object() ? help : json::object();
}

void list(plugins::Services& services, const ExchangePtr& exchange) {
  auto items = json::array();
  for (const auto& provider : services.find("command")) {
    json item{{"name", provider->service.substr(kind.size())}, {"plugin", provider->owner}};
    item.update(help_of(*provider));
    items.push_back(std::move(item));
  }
  answer_json(exchange, {{"items", items}});
}

}  // namespace

/// The commands under way, for the kernel's end.
class Commands::Running {
 public:
  explicit Running(plugins::Services& services) : services(services) {}

  void run(const ExchangePtr& exchange);

  void stop() {
    std::vector<std::weak_ptr<plugins::CallHandle>> calls;
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
      calls.swap(calls_);
    }
    for (const auto& each : calls) {
      if (const auto call = each.lock()) call->cancel();
    }
  }

  plugins::Services& services;

 private:
  /// Cancels it at once when the kernel is stopping already.
  void add(const std::shared_ptr<plugins::CallHandle>& call) {
    {
      const std::lock_guard lock(mutex_);
      if (!stopped_) {
        std::erase_if(calls_, [](const auto& each) { return each.expired(); });
        calls_.push_back(call);
        return;
      }
    }
    call->cancel();
  }

  std::mutex mutex_;
  std::vector<std::weak_ptr<plugins::CallHandle>> calls_;
  bool stopped_ = false;
};

void Commands::Running::run(const ExchangePtr& exchange) {
  const json request{{"arguments", arguments_of(exchange)}};
  const auto service = std::string(kind) + path_value(exchange, "name");
  const auto found = services.find(service);
  if (found.empty()) throw atrium::not_found("No plugin that runs brings this command.");
  http::Headers headers;
  headers.set("content-type", "application/x-ndjson");
  routing::stream_begin(exchange, 200, std::move(headers));
  auto output = std::make_shared<Output>(exchange, help_of(*found.front()).value("usage", ""));
  const auto call =
      services.call({.caller = "kernel",
                     .service = service,
                     .method = "run",
                     .json = request.dump(),
                     .principal = routing::context_of(*exchange)->principal,
                     .timeout = longest_run,
                     .chunk = [output](std::string_view piece) { output->write(std::string(piece)); },
                     .reply = [output](std::int32_t status, std::string_view text) { output->end(status, text); }});
  if (call) {
    output->watch(call);
    add(call);
  } else {
    output->end(ATRIUM_E_NOT_FOUND, R"({"message": "The plugin that brought this command has just stopped."})");
  }
}

Commands::Commands(plugins::Services& services) : running_(std::make_shared<Running>(services)) {}

void Commands::stop() { running_->stop(); }

std::vector<routing::Route> Commands::routes() {
  std::vector<routing::Route> routes;
  routes.push_back(
      kernel_route(R"({"method": "GET", "path": "/commands", "access": ["none"], "tag": "Plugins",
      "summary": "The commands that plugins bring to the command line", "runs": "io",
      "answers": {"200": {"type": "object"}}})",
                   [running = running_](const ExchangePtr& exchange) { list(running->services, exchange); }));
  routes.push_back(kernel_route(
      R"({"method": "POST", "path": "/commands/{name}", "access": ["user"], "tag": "Plugins",
      "summary": "Run a command of a plugin; the answer streams its output as lines of JSON", "idempotency": false,
      "body": {"type": "object", "required": ["arguments"], "additionalProperties": false, "properties": {
        "arguments": {"type": "array", "maxItems": 256, "items": {"type": "string"}}}},
      "required": true, "answers": {"200": {"type": "string"}}})",
      [running = running_](const ExchangePtr& exchange) { answering(exchange, [&] { running->run(exchange); }); }));
  return routes;
}

}  // namespace kernel::cli
