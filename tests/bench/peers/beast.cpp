// beast PORT DATABASE SECRET: one thread of Boost.Beast, near the limit of what C++ can do.
#include <utility>

#include "task_store.hpp"

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <memory>

namespace beast = boost::beast;
namespace http = beast::http;
namespace net = boost::asio;
using tcp = net::ip::tcp;

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, peer::Tasks& tasks, const peer::Tokens& tokens)
      : socket_(std::move(socket)), tasks_(tasks), tokens_(tokens) {}

  void read() {
    request_ = {};
    http::async_read(socket_, buffer_, request_, [self = shared_from_this()](beast::error_code error, std::size_t) {
      if (!error) self->answer();
    });
  }

 private:
  void answer() {
    const std::string_view target(request_.target().data(), request_.target().size());
    if (target == "/health") return write(http::status::ok, std::string(peer::hello));
    if (!target.starts_with("/tasks/")) return write(http::status::not_found, "{}");
    const auto authorization = request_[http::field::authorization];
    if (!tokens_.accept({authorization.data(), authorization.size()})) return write(http::status::unauthorized, "{}");
    auto task = tasks_.find(target.substr(7));
    task.empty() ? write(http::status::not_found, "{}") : write(http::status::ok, std::move(task));
  }

  void write(http::status status, std::string body) {
    response_ = {status, request_.version()};
    response_.set(http::field::content_type, "application/json");
    response_.keep_alive(request_.keep_alive());
    response_.body() = std::move(body);
    response_.prepare_payload();
    http::async_write(socket_, response_, [self = shared_from_this()](beast::error_code error, std::size_t) {
      if (!error && self->response_.keep_alive()) self->read();
    });
  }

  tcp::socket socket_;
  peer::Tasks& tasks_;
  const peer::Tokens& tokens_;
  beast::flat_buffer buffer_;
  http::request<http::string_body> request_;
  http::response<http::string_body> response_;
};

class Listener {
 public:
  Listener(net::io_context& io, unsigned short port, peer::Tasks& tasks, const peer::Tokens& tokens)
      : acceptor_(io, {net::ip::address_v4::loopback(), port}), tasks_(tasks), tokens_(tokens) {
    accept();
  }

 private:
  void accept() {
    acceptor_.async_accept([this](beast::error_code error, tcp::socket socket) {
      if (!error) {
        socket.set_option(tcp::no_delay(true));
        std::make_shared<Connection>(std::move(socket), tasks_, tokens_)->read();
      }
      accept();
    });
  }

  tcp::acceptor acceptor_;
  peer::Tasks& tasks_;
  const peer::Tokens& tokens_;
};

int main(int, char** arguments) {
  net::io_context io(1);
  peer::Tasks tasks(arguments[2]);
  const peer::Tokens tokens(arguments[3]);
  Listener listener(io, static_cast<unsigned short>(std::stoi(arguments[1])), tasks, tokens);
  io.run();
}
