#pragma once
// For tests of the way out: servers on the loopback, and what came back from them.
#include "egress/client.hpp"

#include <atrium/abi.h>

#include <gtest/gtest.h>

#include <boost/asio.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace kernel::egress::testing {

using boost::asio::ip::tcp;
constexpr std::chrono::seconds deadline{30};

/// Serves each connection on a thread of its own until the test ends.
class Server {
 public:
  using Serve = std::function<void(tcp::socket&, int connection)>;

  explicit Server(Serve serve)
      : serve_(std::move(serve)), acceptor_(io_, {boost::asio::ip::address_v4::loopback(), 0}) {
    thread_ = std::thread([this] { accept(); });
  }
  ~Server() {
    ::shutdown(acceptor_.native_handle(), SHUT_RDWR);
    thread_.join();
    for (auto& each : connections_) {
      ::shutdown(each.socket->native_handle(), SHUT_RDWR);
      each.thread.join();
    }
  }
  std::string url(const std::string& path = "/", const std::string& host = "127.0.0.1") const {
    return "http://" + host + ":" + std::to_string(port()) + path;
  }
  int port() const { return acceptor_.local_endpoint().port(); }
  int accepted() const { return accepted_; }

 private:
  struct Served {
    std::unique_ptr<tcp::socket> socket;
    std::thread thread;
  };

  void accept() {
    while (true) {
      auto socket = std::make_unique<tcp::socket>(io_);
      boost::system::error_code error;
      acceptor_.accept(*socket, error);
      if (error) return;
      auto* raw = socket.get();
      connections_.push_back({std::move(socket), std::thread([this, raw, number = accepted_++] {
                                try {
                                  serve_(*raw, number);
                                } catch (const boost::system::system_error&) {
                                  // the client went: some tests are about that
                                }
                                ::shutdown(raw->native_handle(), SHUT_RDWR);
                              })});
    }
  }

  Serve serve_;
  boost::asio::io_context io_;
  tcp::acceptor acceptor_;
  std::atomic<int> accepted_ = 0;
  std::vector<Served> connections_;
  std::thread thread_;
};

template <typename Stream>
std::string read_head(Stream& stream) {
  std::string text;
  boost::asio::read_until(stream, boost::asio::dynamic_buffer(text), "\r\n\r\n");
  return text;
}

template <typename Stream>
void say(Stream& stream, std::string_view text) {
  boost::asio::write(stream, boost::asio::buffer(text));
}

inline std::string reply(std::string_view body, const std::string& more = {}) {
  return "HTTP/1.1 200 OK\r\n" + more + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}

struct Answer {
  int http = 0;
  std::map<std::string, std::string> headers;
  std::string body, why;
  std::int32_t status = 99;
};

class Running {
 public:
  Answer get() {
    if (answered_.wait_for(deadline) != std::future_status::ready) throw std::runtime_error("no answer");
    return answered_.get();
  }
  std::shared_ptr<Pending> pending;
  std::shared_ptr<std::promise<Answer>> promise = std::make_shared<std::promise<Answer>>();

 private:
  std::future<Answer> answered_ = promise->get_future();
};

class Egress : public ::testing::Test {
 protected:
  Running send(OutRequest request, std::function<bool(std::string_view)> on_piece = {}) {
    Running running;
    auto answer = std::make_shared<Answer>();
    running.pending = client().send(
        std::move(request), {.head =
                                 [answer](int http, auto headers) {
                                   answer->http = http;
                                   answer->headers = std::move(headers);
                                 },
                             .data =
                                 [answer, on_piece](std::string_view piece) {
                                   answer->body += piece;
                                   return !on_piece || on_piece(piece);
                                 },
                             .done =
                                 [answer, promise = running.promise](std::int32_t status, const std::string& why) {
                                   answer->status = status;
                                   answer->why = why;
                                   promise->set_value(*answer);
                                 }});
    return running;
  }
  Answer fetch(OutRequest request) { return send(std::move(request)).get(); }
  Answer get(const std::string& url) { return fetch({.url = url, .trust = Trust::operator_}); }
  Client& client() {
    if (!client_) client_ = std::make_unique<Client>(options_, jobs_);
    return *client_;
  }

  Options options_;
  jobs::Jobs jobs_{{.threads = 4}};
  std::unique_ptr<Client> client_;
};

}  // namespace kernel::egress::testing
