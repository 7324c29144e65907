#include "cli/plugin_routes.hpp"

#include "cli/route_replies.hpp"

#include <nlohmann/json.hpp>

#include <charconv>

namespace kernel::cli {
namespace {

nlohmann::json shown(const plugins::Status& status) {
  return {{"id", status.id},
          {"name", status.name},
          {"version", status.version},
          {"description", status.description},
          {"state", plugins::to_string(status.state)},
          {"reason", status.reason.empty() ? nlohmann::json() : nlohmann::json(status.reason)}};
}

/// The page that ?limit= and ?offset= ask for.
struct Page {
  std::size_t limit = 50, offset = 0;
};

Page page_of(const ExchangePtr& exchange) {
  Page page;
  for (const auto& [name, text] : routing::context_of(*exchange)->query) {
    const bool is_limit = name == "limit";
    if (!is_limit && name != "offset") continue;
    std::size_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool good = error == std::errc() && end == text.data() + text.size();
    if (is_limit && (!good || value < 1 || value > 200)) throw atrium::invalid("?limit", "must be from 1 to 200");
    if (!good) throw atrium::invalid("?offset", "must be a whole number from 0");
    (is_limit ? page.limit : page.offset) = value;
  }
  return page;
}

void list(plugins::Manager& manager, const ExchangePtr& exchange) {
  const auto page = page_of(exchange);
  const auto all = manager.list();
  auto items = nlohmann::json::array();
  for (auto i = page.offset; i < all.size() && items.size() < page.limit; ++i) items.push_back(shown(all[i]));
  answer_json(exchange, {{"items", items},
                         {"total", all.size()},
                         {"limit", page.limit},
                         {"offset", page.offset},
                         {"next_cursor", nullptr}});
}

}  // namespace

std::vector<routing::Route> plugin_routes(plugins::Manager& manager) {
  const auto with_id = [&manager](plugins::Status (plugins::Manager::*act)(const std::string&)) {
    return [&manager, act](const ExchangePtr& exchange) {
      answering(exchange, [&] { answer_json(exchange, shown((manager.*act)(path_value(exchange, "id")))); });
    };
  };
  std::vector<routing::Route> routes;
  routes.push_back(
      kernel_route(R"({"method": "GET", "path": "/plugins", "access": ["admin"], "tag": "Plugins",
      "summary": "The installed plugins and how they are", "answers": {"200": {"type": "object"}}})",
                   [&manager](const ExchangePtr& exchange) { answering(exchange, [&] { list(manager, exchange); }); }));
  routes.push_back(kernel_route(R"({"method": "GET", "path": "/plugins/{id}", "access": ["admin"], "tag": "Plugins",
      "summary": "One plugin", "answers": {"200": {"type": "object"}}})",
                                [&manager](const ExchangePtr& exchange) {
                                  answering(exchange, [&] {
                                    const auto found = manager.find(path_value(exchange, "id"));
                                    if (!found) throw atrium::not_found();
                                    answer_json(exchange, shown(*found));
                                  });
                                }));
  routes.push_back(kernel_route(R"({"method": "POST", "path": "/plugins/{id}/enable", "access": ["admin"],
      "tag": "Plugins", "summary": "Start a plugin, now and at every start", "answers": {"200": {"type": "object"}}})",
                                with_id(&plugins::Manager::enable)));
  routes.push_back(kernel_route(R"({"method": "POST", "path": "/plugins/{id}/disable", "access": ["admin"],
      "tag": "Plugins", "summary": "Stop a plugin; it stays off", "answers": {"200": {"type": "object"}}})",
                                with_id(&plugins::Manager::disable)));
  return routes;
}

}  // namespace kernel::cli
