#pragma once
// A real Server on a free port, a dispatcher that answers a few paths, and a raw client.
#include "http/server.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace kernel::http::testing {

inline constexpr std::chrono::seconds patience{20};

template <typename Condition>
bool eventually(Condition condition) {
  const auto until = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::yield();
  }
  return true;
}

class Echo final : public WebSocketHandler {
 public:
  explicit Echo(std::atomic<int>* closed) : closed_(closed) {}
  void on_open(const std::shared_ptr<WebSocket>& socket) override { socket_ = socket; }
  void on_text(std::string_view text) override {
    if (text != "flood") {
      socket_->send_frame(make_text_frame(text));
      return;
    }
    const auto frame = make_text_frame(std::string(60'000, 'f'));
    while (socket_->send_frame(frame)) {
    }
  }
  void on_close() override {
    socket_.reset();
    ++*closed_;
  }

 private:
  std::shared_ptr<WebSocket> socket_;
  std::atomic<int>* closed_;
};

/// /hello 'hi'; /echo the body; /target the target; /later from another thread, with the query; /hang never; /denied
/// 403 without the body; /stream N megabytes with backpressure; /cut half a reply; /sink counts a streamed body; /events an SSE stream;
/// /ws.
class Dispatch final : public Dispatcher {
 public:
  ~Dispatch() override {
    for (auto& thread : threads_) thread.join();
  }
  HeadDecision on_head(const std::shared_ptr<Exchange>& exchange) override {
    HeadDecision decision;
    decision.max_body = 1000;
    const auto& path = exchange->head().path;
    decision.action = HeadDecision::Action::buffer_body;
    if (path == "/denied") {
      decision.action = HeadDecision::Action::respond;
      decision.reply.status = 403;
    } else if (path == "/sink") {
      decision.action = HeadDecision::Action::stream_body;
      decision.max_body = 1 << 30;
    } else if (path == "/ws") {
      decision.action = HeadDecision::Action::websocket;
      decision.websocket = std::make_shared<Echo>(&websockets_closed);
    }
    return decision;
  }
  void handle(const std::shared_ptr<Exchange>& exchange) override {
    ++handled;
    const auto& head = exchange->head();
    if (head.path == "/hang") {
      exchange->on_cancel([this] { ++cancelled; });
      const std::lock_guard lock(mutex_);
      kept_.push_back(exchange);
    } else if (head.path == "/later") {
      const std::lock_guard lock(mutex_);
      threads_.emplace_back([exchange] { exchange->respond({200, {}, exchange->head().query}); });
    } else if (head.path == "/stream") {
      exchange->stream_begin(200, {});
      produce(exchange, std::make_shared<int>(32));
    } else if (head.path == "/cut") {
      exchange->stream_begin(200, {});
      exchange->stream_write("half", {});
      exchange->stream_abort();
    } else if (head.path == "/sink") {
      receive(exchange);
    } else if (head.path == "/events") {
      Headers headers;
      headers.add("content-type", "text/event-stream");
      exchange->stream_begin(200, headers);
      exchange->on_cancel([this] { ++cancelled; });
      exchange->stream_write("data: 1\n\n", {});
    } else {
      exchange->respond({200,
                         {},
                         head.path == "/echo"     ? exchange->body()
                         : head.path == "/target" ? head.target
                                                  : "hi"});
    }
  }
  Reply refusal(int status, std::string_view detail, const RequestHead*) override {
    Reply reply{status, {}, std::string(detail)};
    reply.headers.add("content-type", "application/problem+json");
    return reply;
  }
  void on_replied(Exchange&, int, std::size_t) override { ++replied; }

  std::atomic<int> handled{0}, cancelled{0}, replied{0}, websockets_closed{0}, pauses{0};

 private:
  void produce(const std::shared_ptr<Exchange>& exchange, const std::shared_ptr<int>& left) {
    while (*left > 0 && !exchange->cancelled()) {
      --*left;
      if (!exchange->stream_write(std::string(100'000, 's'), [this, exchange, left] { produce(exchange, left); })) {
        ++pauses;
        return;
      }
    }
    exchange->stream_end();
  }
  void receive(const std::shared_ptr<Exchange>& exchange) {
    exchange->read_body(
        [exchange, total = std::make_shared<std::size_t>(0)](std::string_view piece, bool last, bool failed) {
          *total += piece.size();
          if (last && !failed) exchange->respond({200, {}, std::to_string(*total)});
          if (!last) exchange->resume_body();  // pauses after every piece
          return false;
        });
  }

  std::mutex mutex_;
  std::vector<std::thread> threads_;
  std::vector<std::shared_ptr<Exchange>> kept_;
};

class Client {
 public:
  explicit Client(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected = ::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  ~Client() { ::close(socket_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void send(std::string_view text) const {
    while (!text.empty()) {
      const auto sent = ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  void finish_sending() const { ::shutdown(socket_, SHUT_WR); }
  /// Reads until `marker` has been seen, or to the end.
  std::string read_until(std::string_view marker) {
    while (marker.empty() || got_.find(marker) == std::string::npos) {
      if (!read_some()) break;
    }
    return got_;
  }
  std::string read_all() { return read_until({}); }
  std::string read_bytes(std::size_t count) {
    while (got_.size() < count && read_some()) {
    }
    return got_;
  }
  void forget() { got_.clear(); }
  bool ended() const { return ended_; }

  bool connected = false;

 private:
  bool read_some() {
    pollfd watched{socket_, POLLIN, 0};
    if (::poll(&watched, 1, static_cast<int>(std::chrono::milliseconds(patience).count())) <= 0) return false;
    char bytes[65536];
    const auto count = ::recv(socket_, bytes, sizeof bytes, 0);
    ended_ = count <= 0;
    if (count > 0) got_.append(bytes, static_cast<std::size_t>(count));
    return count > 0;
  }
  int socket_;
  std::string got_;
  bool ended_ = false;
};

struct HttpTest : ::testing::Test {
  ServerOptions options;
  std::shared_ptr<Dispatch> dispatch = std::make_shared<Dispatch>();
  std::unique_ptr<Server> server;

  HttpTest() { options.port = 0; }
  std::uint16_t start() {
    server = std::make_unique<Server>(options, dispatch);
    server->start();
    return server->port();
  }
  /// Sends raw bytes on a connection of its own and returns all that comes until the server closes.
  std::string talk(std::string_view raw) {
    Client client(server->port());
    client.send(raw);
    client.finish_sending();
    return client.read_all();
  }
};

inline std::string status_of(const std::string& reply) { return reply.size() > 12 ? reply.substr(9, 3) : reply; }

}  // namespace kernel::http::testing
