#pragma once
// The API as a command calls it: blocking, one request at a time. Only client.cpp includes Poco.
#include <nlohmann/json.hpp>

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace kernel::cli {

struct ClientOptions {
  std::string url = "http://127.0.0.1:8000";
  std::string token_file;
};

struct Answer {
  int status = 0;
  nlohmann::json body;
};

class Client {
 public:
  using Headers = std::map<std::string, std::string>;

  /// With a token where there is one: --token-file, else ATRIUM_TOKEN, else the stored one. Throws Failure for a URL
  /// or file that cannot be used.
  explicit Client(const ClientOptions& options);

  const std::string& url() const { return url_; }
  void set_token(std::string token) { token_ = std::move(token); }
  void set_timeout(std::chrono::milliseconds timeout) { timeout_ = timeout; }

  /// path: below the base, "/plugins". Throws Failure when no kernel answers.
  Answer send(const std::string& method, const std::string& path, const nlohmann::json& body = nullptr);
  /// The same; throws Failure with the problem's own words unless the status is 2xx.
  nlohmann::json call(const std::string& method, const std::string& path, const nlohmann::json& body = nullptr);
  /// Passes on each line of the answer until there is none or `line` returns false. Throws Failure like call().
  void stream(const std::string& method, const std::string& path, const Headers& headers, const nlohmann::json& body,
              const std::function<bool(std::string_view line)>& line);

 private:
  class Exchange;
  std::string url_, token_;
  std::chrono::milliseconds timeout_{30'000};
};

/// Percent-encodes a path segment or query value.
std::string url_encoded(std::string_view text);

/// Where `atrium login` keeps its token: XDG_CONFIG_HOME or ~/.config, atrium/token.
std::filesystem::path stored_token_path();

}  // namespace kernel::cli
