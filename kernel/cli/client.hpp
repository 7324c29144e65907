#pragma once
// The API as a command calls it: blocking, one request at a time. Only client.cpp and what
// includes connection.hpp know Poco.
#include "cli/stored_login.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kernel::cli {

struct ClientOptions {
  std::string url = "http://127.0.0.1:8000";
  std::string token_file;
};

struct FormFile {
  std::string name, filename, content;
};

struct Answer {
  int status = 0;
  nlohmann::json body;
};

/// JSON messages both ways, on one thread.
class Socket {
 public:
  struct Connection;
  explicit Socket(std::unique_ptr<Connection> connection);
  Socket(Socket&&) noexcept;
  ~Socket();

  /// Throws Failure when the connection is lost, as receive() does.
  void send(const nlohmann::json& message);
  /// The next message; none when the kernel has closed. Asks a kernel that is silent for long whether it still lives.
  std::optional<nlohmann::json> receive();
  /// Why the kernel closed; 0 while it has not.
  int close_code() const;

 private:
  std::unique_ptr<Connection> connection_;
};

class Client {
 public:
  /// With a token where there is one: --token-file, else ATRIUM_TOKEN, else the stored login, if it is for this URL. A
  /// login that has expired is renewed, and its file with it. Throws Failure for a URL or file that cannot be used.
  explicit Client(const ClientOptions& options);

  static Client without_token(const std::string& url);

  const std::string& url() const { return url_; }
  void set_timeout(std::chrono::milliseconds timeout) { timeout_ = timeout; }

  /// path: below the base, "/plugins". Throws Failure when no kernel answers.
  Answer send(const std::string& method, const std::string& path, const nlohmann::json& body = nullptr);
  /// The same; throws Failure with the problem's own words unless the status is 2xx.
  nlohmann::json call(const std::string& method, const std::string& path, const nlohmann::json& body = nullptr);
  /// Like send(), of a form with files (multipart/form-data).
  Answer upload(const std::string& path, const std::vector<FormFile>& files);
  /// Passes on each line of the answer until there is none or `line` returns false. Throws Failure like call().
  void stream(const std::string& method, const std::string& path, const nlohmann::json& body,
              const std::function<bool(std::string_view line)>& line);
  /// A WebSocket at /ws, signed in by its first message. Throws Failure when no kernel answers.
  Socket open_socket();
  /// True: there is a newer token now, made by this or another command.
  bool renew();

 private:
  Client() = default;

  Answer send_once(const std::string& method, const std::string& path, const nlohmann::json& body);
  Answer upload_once(const std::string& path, const std::string& content_type, const std::string& body);
  /// False: 401.
  bool stream_once(const std::string& method, const std::string& path, const nlohmann::json& body,
                   const std::function<bool(std::string_view line)>& line);

  std::string url_, token_;
  std::filesystem::path login_;  ///< empty: the token is bare and cannot be renewed
  std::chrono::milliseconds timeout_{30'000};
};

/// Its body; throws Failure with the problem's own words unless the status is 2xx.
nlohmann::json successful(Answer answer);
/// Percent-encodes a path segment or query value.
std::string url_encoded(std::string_view text);

}  // namespace kernel::cli
