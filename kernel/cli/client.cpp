#include "cli/client.hpp"

#include "cli/connection.hpp"
#include "cli/failure.hpp"
#include "observability/printable.hpp"

#include <atrium/types.hpp>

#include <Poco/URI.h>

#include <cstdlib>

namespace kernel::cli {
namespace {

constexpr std::size_t longest_line = 16 << 20, longest_answer = 64 << 20;

std::string base_of(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  if (!url.starts_with("http://") && !url.starts_with("https://")) {
    throw Failure("cannot use the URL `" + url + "`: it must begin with http:// or https://; see --url and ATRIUM_URL");
  }
  if (!url.ends_with("/api/v1")) url += "/api/v1";
  return url;
}

std::string problem_text(int status, const nlohmann::json& problem) {
  if (!problem.is_object()) return "the kernel answered " + std::to_string(status);
  auto text = problem.value("title", "the kernel answered " + std::to_string(status));
  if (problem.contains("detail")) text += ": " + problem.value("detail", "");
  if (problem.contains("errors") && problem["errors"].size() > 1) {
    for (const auto& fault : problem["errors"])
      text += "; " + fault.value("pointer", "") + " " + fault.value("detail", "");
  }
  if (status == 401) text += "; sign in with `atrium login`, or name a token by --token-file or ATRIUM_TOKEN";
  return observability::printable(text, 2000);
}

std::string read_bounded(std::istream& stream) {
  std::string text;
  char piece[16 * 1024];
  while (stream.read(piece, sizeof piece), stream.gcount() > 0) {
    text.append(piece, static_cast<std::size_t>(stream.gcount()));
    if (text.size() > longest_answer) throw Failure("the kernel's answer is larger than 64 MiB; ask for less");
  }
  return text;
}

}  // namespace

Client::Client(const ClientOptions& options) : url_(base_of(options.url)) {
  const char* token = std::getenv("ATRIUM_TOKEN");
  if (options.token_file.empty() && token && *token) {
    token_ = token;
    return;
  }
  const auto path = options.token_file.empty() ? stored_login_path() : std::filesystem::path(options.token_file);
  const auto login = read_login(path);
  if (!login && !options.token_file.empty())
    throw Failure("there is no token file " + path.string() + "; write it with `atrium login`");
  // The tokens of one kernel are not shown to another.
  if (!login || (!login->url.empty() && login->url != url_)) return;
  token_ = login->access_token;
  if (!login->refresh_token.empty()) login_ = path;
}

Client Client::without_token(const std::string& url) {
  Client client;
  client.url_ = base_of(url);
  return client;
}

bool Client::renew() {
  if (login_.empty()) return false;
  const LoginLock lock(login_);
  auto login = read_login(login_);
  if (!login || login->url != url_) return false;
  if (login->access_token == token_) {
    const auto expired = std::exchange(token_, {});
    const auto answer = send_once("POST", "/auth/refresh", {{"refresh_token", login->refresh_token}});
    token_ = expired;
    if (answer.status == 401) return false;
    if (answer.status != 200) throw Failure(problem_text(answer.status, answer.body));
    login->access_token = answer.body.at("access_token");
    login->refresh_token = answer.body.at("refresh_token");
    write_login(login_, *login);
  }
  token_ = login->access_token;
  return true;
}

Answer Client::send_once(const std::string& method, const std::string& path, const nlohmann::json& body) {
  return reaching(url_, [&] {
    Exchange exchange(url_ + path, method, token_, timeout_);
    const auto text = read_bounded(exchange.send(body, timeout_));
    return Answer{exchange.status, nlohmann::json::parse(text, nullptr, false)};
  });
}

Answer Client::send(const std::string& method, const std::string& path, const nlohmann::json& body) {
  auto answer = send_once(method, path, body);
  return answer.status == 401 && renew() ? send_once(method, path, body) : answer;
}

nlohmann::json Client::call(const std::string& method, const std::string& path, const nlohmann::json& body) {
  return successful(send(method, path, body));
}

nlohmann::json successful(Answer answer) {
  if (answer.status < 200 || answer.status > 299) throw Failure(problem_text(answer.status, answer.body));
  return std::move(answer.body);
}

Answer Client::upload_once(const std::string& path, const std::string& content_type, const std::string& body) {
  return reaching(url_, [&] {
    Exchange exchange(url_ + path, "POST", token_, timeout_);
    const auto text = read_bounded(exchange.send(content_type, body, timeout_));
    return Answer{exchange.status, nlohmann::json::parse(text, nullptr, false)};
  });
}

Answer Client::upload(const std::string& path, const std::vector<FormFile>& files) {
  const auto boundary = "atrium-" + atrium::Id::make().str();
  std::string body;
  for (const auto& file : files) {
    body += "--" + boundary + "\r\nContent-Disposition: form-data; name=\"" + file.name + '"';
    if (!file.filename.empty())
      body += "; filename=\"" + file.filename + "\"\r\nContent-Type: application/octet-stream";
    body.append("\r\n\r\n").append(file.content).append("\r\n");
  }
  body += "--" + boundary + "--\r\n";
  const auto type = "multipart/form-data; boundary=" + boundary;
  const auto answer = upload_once(path, type, body);
  return answer.status == 401 && renew() ? upload_once(path, type, body) : answer;
}

void Client::stream(const std::string& method, const std::string& path, const nlohmann::json& body,
                    const std::function<bool(std::string_view)>& line) {
  if (!stream_once(method, path, body, line) && !(renew() && stream_once(method, path, body, line)))
    throw Failure(problem_text(401, {{"title", "You are not signed in"}}));
}

bool Client::stream_once(const std::string& method, const std::string& path, const nlohmann::json& body,
                         const std::function<bool(std::string_view)>& line) {
  return reaching(url_, [&] {
    Exchange exchange(url_ + path, method, token_, timeout_);
    auto& answer = exchange.send(body, std::chrono::hours(24));
    if (exchange.status == 401) return false;
    if (exchange.status < 200 || exchange.status > 299) {
      throw Failure(problem_text(exchange.status, nlohmann::json::parse(read_bounded(answer), nullptr, false)));
    }
    std::string text;
    for (int c = answer.get(); c != std::istream::traits_type::eof(); c = answer.get()) {
      if (c != '\n') {
        text.push_back(static_cast<char>(c));
        if (text.size() > longest_line) throw Failure("the kernel sent a line of more than 16 MiB; is this Atrium?");
        continue;
      }
      if (!line(text)) return true;
      text.clear();
    }
    if (!text.empty()) line(text);
    return true;
  });
}

Socket Client::open_socket() {
  return reaching(url_, [&] {
    Exchange exchange(url_ + "/ws", "GET", {}, timeout_);
    Socket socket(std::make_unique<Socket::Connection>(exchange.upgrade()));
    socket.send({{"type", "auth"}, {"token", token_}});
    return socket;
  });
}

std::string url_encoded(std::string_view text) {
  std::string encoded;
  Poco::URI::encode(std::string(text), "!?#/'\",;:$&()[]*+=@", encoded);
  return encoded;
}

}  // namespace kernel::cli
