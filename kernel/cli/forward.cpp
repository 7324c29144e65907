#include "cli/forward.hpp"

#include "cli/client.hpp"
#include "cli/failure.hpp"
#include "observability/printable.hpp"

#include <unistd.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>

namespace kernel::cli {
namespace {

struct Split {
  ClientOptions client;
  std::vector<std::string> arguments;
};

ClientOptions client_options() {
  ClientOptions options;
  if (const char* url = std::getenv("ATRIUM_URL"); url && *url) options.url = url;
  return options;
}

/// Takes --url and --token-file out; everything else is the command's.
Split split(const std::vector<std::string>& all) {
  Split result{client_options(), {}};
  for (std::size_t i = 0; i < all.size(); ++i) {
    bool taken = false;
    for (auto [name, target] : {std::pair{std::string("--url"), &result.client.url},
                                std::pair{std::string("--token-file"), &result.client.token_file}}) {
      if (all[i].starts_with(name + "=")) {
        *target = all[i].substr(name.size() + 1);
        taken = true;
      } else if (all[i] == name && i + 1 < all.size()) {
        *target = all[++i];
        taken = true;
      }
      if (taken) break;
    }
    if (!taken) result.arguments.push_back(all[i]);
  }
  return result;
}

/// On a terminal nothing of the text may steer it; into a file or pipe it goes as it is.
void print(std::ostream& out, int descriptor, const std::string& text) {
  if (!isatty(descriptor)) {
    out << text << std::flush;
    return;
  }
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = std::min(text.find_first_of("\n\t", begin), text.size());
    out << observability::printable(std::string_view(text).substr(begin, end - begin), text.size() * 4);
    if (end < text.size()) out << text[end];
    begin = end + 1;
  }
  out << std::flush;
}

const nlohmann::json* find(const nlohmann::json& commands, const std::string& name) {
  for (const auto& item : commands.at("items")) {
    if (item.at("name") == name) return &item;
  }
  return nullptr;
}

int print_help(const nlohmann::json& command) {
  std::cout << command.value("summary", "") << "\n\nUsage: " << command.value("usage", "") << "\n\nExample:\n  "
            << command.value("example", "") << '\n';
  return 0;
}

}  // namespace

int forward(const std::string& name, const std::vector<std::string>& arguments) {
  const auto [options, rest] = split(arguments);
  Client client(options);
  const auto commands = client.call("GET", "/commands");
  const auto* command = find(commands, name);
  if (!command) {
    std::cerr << "atrium: there is no command `" << observability::printable(name, 100)
              << "`, neither here nor of a plugin of the running kernel; see atrium --help\n";
    return 2;
  }
  if (std::find(rest.begin(), rest.end(), "--help") != rest.end()) return print_help(*command);
  int code = 1;
  client.stream("POST", "/commands/" + url_encoded(name), {{"arguments", rest}}, [&](std::string_view line) {
    const auto piece = nlohmann::json::parse(line, nullptr, false);
    if (!piece.is_object()) return true;
    if (piece.contains("out")) print(std::cout, STDOUT_FILENO, piece.value("out", ""));
    if (piece.contains("err")) print(std::cerr, STDERR_FILENO, piece.value("err", ""));
    if (piece.contains("exit")) code = piece.value("exit", 1);
    return !piece.contains("exit");
  });
  return code;
}

std::string forwarded_commands() {
  try {
    Client client(client_options());
    client.set_timeout(std::chrono::milliseconds(500));
    const auto commands = client.call("GET", "/commands");
    std::string text;
    for (const auto& item : commands.at("items")) {
      auto name = observability::printable(item.value("name", ""), 40);
      name.resize(std::max<std::size_t>(name.size(), 26), ' ');
      text += "  " + name + " " + observability::printable(item.value("summary", ""), 100) + "\n";
    }
    return text.empty() ? text : "\nCommands of plugins:\n" + text;
  } catch (const std::exception&) {
    // Help is shown all the same.
    return {};
  }
}

}  // namespace kernel::cli
