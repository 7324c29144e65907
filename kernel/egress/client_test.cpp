#include "egress/client.hpp"

#include <atrium/abi.h>

#include <gtest/gtest.h>

#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <thread>
#include <vector>

namespace kernel::egress {
namespace {

using boost::asio::ip::tcp;
using namespace std::chrono_literals;
constexpr auto deadline = 30s;

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

std::string reply(std::string_view body, const std::string& more = {}) {
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

class Egress : public testing::Test {
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

TEST_F(Egress, SendsARequestAndReadsItsAnswer) {
  std::promise<std::string> seen;
  Server server([&](tcp::socket& socket, int) {
    auto text = read_head(socket);
    while (text.find("hello") == std::string::npos) {
      char more[100];
      text.append(more, socket.read_some(boost::asio::buffer(more)));
    }
    seen.set_value(text);
    say(socket, "HTTP/1.1 100 Continue\r\n\r\n" + reply("{}", "X-A: 1\r\nx-a: 2\r\n"));
  });
  const auto answer = fetch({.method = "POST",
                             .url = server.url("/p?q=1"),
                             .body = "hello",
                             .headers = {{"X-Key", "k"}},
                             .trust = Trust::operator_});
  EXPECT_EQ(answer.status, ATRIUM_OK) << answer.why;
  EXPECT_EQ(answer.http, 200);
  EXPECT_EQ(answer.body, "{}");
  EXPECT_EQ(answer.headers.at("x-a"), "1, 2");
  const auto text = seen.get_future().get();
  EXPECT_TRUE(text.starts_with("POST /p?q=1 HTTP/1.1\r\nHost: 127.0.0.1:")) << text;
  EXPECT_NE(text.find("X-Key: k\r\n"), std::string::npos);
  EXPECT_NE(text.find("Content-Length: 5\r\n"), std::string::npos);
  EXPECT_EQ(text.find("Accept-Encoding"), std::string::npos);
}

TEST_F(Egress, WhoHoldsThePoolsOnlyThreadIsAnsweredAtOnce) {
  Server server([&](tcp::socket& socket, int) {
    read_head(socket);
    say(socket, reply("hello"));
  });
  jobs::Jobs pool{{.threads = 1}};
  Client client({}, pool);
  std::promise<std::string> result;
  pool.post([&] {
    std::string body;
    const auto over = std::make_shared<std::promise<void>>();
    client.send({.url = server.url(), .trust = Trust::operator_},
                {.data =
                     [&](std::string_view piece) {
                       body += piece;
                       return true;
                     },
                 .done = [over](std::int32_t, const std::string&) { over->set_value(); },
                 .at_once = true});
    over->get_future().wait();
    result.set_value(body);
  });
  auto answered = result.get_future();
  ASSERT_EQ(answered.wait_for(deadline), std::future_status::ready);
  EXPECT_EQ(answered.get(), "hello");
}

TEST_F(Egress, PiecesArriveWhileTheServerStillWrites) {
  std::promise<void> first;
  auto arrived = first.get_future();
  Server server([&](tcp::socket& socket, int) {
    read_head(socket);
    say(socket, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n");
    if (arrived.wait_for(deadline) != std::future_status::ready) return;  // the client waited for the end
    say(socket, "7;x=y\r\n, again\r\n0\r\nT: 1\r\n\r\n");
  });
  bool told = false;
  auto running = send({.url = server.url(), .trust = Trust::operator_}, [&](std::string_view) {
    if (!std::exchange(told, true)) first.set_value();
    return true;
  });
  const auto answer = running.get();
  EXPECT_EQ(answer.status, ATRIUM_OK) << answer.why;
  EXPECT_EQ(answer.body, "first, again");
}

TEST_F(Egress, ASlowReceiverSlowsTheServerAndLosesNothing) {
  const std::string block(64 * 1024, 'b');
  constexpr std::size_t blocks = 400;
  std::atomic<std::size_t> written = 0;
  Server server([&](tcp::socket& socket, int) {
    read_head(socket);
    say(socket, "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(blocks * block.size()) + "\r\n\r\n");
    for (std::size_t i = 0; i < blocks; ++i, ++written) say(socket, block);
  });
  std::promise<void> started, go;
  auto released = go.get_future();
  bool told = false;
  auto running = send({.url = server.url(), .max_bytes = 64 << 20, .trust = Trust::operator_}, [&](std::string_view) {
    if (!std::exchange(told, true)) {
      started.set_value();
      released.wait();
    }
    return true;
  });
  started.get_future().wait();
  EXPECT_LT(written, blocks);
  go.set_value();
  EXPECT_EQ(running.get().body.size(), blocks * block.size());
}

TEST_F(Egress, CancelEndsAStreamAndClosesItsSocket) {
  std::promise<void> closed;
  Server server([&](tcp::socket& socket, int) {
    read_head(socket);
    say(socket, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n");
    char byte;
    boost::system::error_code error;
    socket.read_some(boost::asio::buffer(&byte, 1), error);
    closed.set_value();
  });
  std::promise<void> first;
  auto running = send({.url = server.url(), .trust = Trust::operator_}, [&](std::string_view) {
    first.set_value();
    return true;
  });
  first.get_future().wait();
  running.pending->cancel();
  EXPECT_EQ(running.get().status, ATRIUM_E_CANCELLED);
  EXPECT_EQ(closed.get_future().wait_for(deadline), std::future_status::ready);
  running.pending->cancel();
  EXPECT_EQ(client().counters().in_flight, 0u);
}

TEST_F(Egress, AReceiverMayAbandon) {
  Server server([](tcp::socket& socket, int) {
    read_head(socket);
    say(socket, "HTTP/1.1 200 OK\r\n\r\n");
    while (true) say(socket, "endless ");
  });
  auto running = send({.url = server.url(), .max_bytes = 1u << 31, .trust = Trust::operator_},
                      [](std::string_view) { return false; });
  EXPECT_EQ(running.get().status, ATRIUM_E_CANCELLED);
}

TEST_F(Egress, EachTimeoutIsNamed) {
  Server silent([](tcp::socket& socket, int) { read_head(socket), read_head(socket); });
  auto answer = fetch({.url = silent.url(), .idle_timeout = 50ms, .trust = Trust::operator_});
  EXPECT_EQ(answer.status, ATRIUM_E_TIMEOUT);
  EXPECT_NE(answer.why.find("idle_timeout"), std::string::npos);
  answer = fetch({.url = silent.url(), .timeout = 50ms, .trust = Trust::operator_});
  EXPECT_EQ(answer.status, ATRIUM_E_TIMEOUT);
  auto url = silent.url();
  url.replace(0, 4, "https");  // accepts, and never answers the TLS hello
  answer = fetch({.url = url, .connect_timeout = 50ms, .trust = Trust::operator_});
  EXPECT_EQ(answer.status, ATRIUM_E_TIMEOUT);
  EXPECT_NE(answer.why.find("connect_timeout"), std::string::npos);
}

TEST_F(Egress, TwoHundredExchangesAtOnce) {
  Server server([](tcp::socket& socket, int) {
    const auto head = read_head(socket);
    say(socket, reply(head.substr(0, head.find(" HTTP"))));
  });
  std::vector<Running> all;
  for (int i = 0; i < 200; ++i) {
    all.push_back(send({.url = server.url("/" + std::to_string(i)), .trust = Trust::operator_}));
  }
  for (int i = 0; i < 200; ++i) EXPECT_EQ(all[i].get().body, "GET /" + std::to_string(i));
  EXPECT_EQ(client().counters().done, 200u);
}

TEST_F(Egress, UsersDoNotReachLoopbackByNumberNameOrRedirect) {
  Server inner([](tcp::socket& socket, int) { read_head(socket), say(socket, reply("secret")); });
  for (const auto* host : {"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "[::1]"}) {
    const auto answer = fetch({.url = inner.url("/", host)});
    EXPECT_EQ(answer.status, ATRIUM_E_DENIED) << host << answer.why;
  }
  Server outer([&](tcp::socket& socket, int) {
    read_head(socket);
    say(socket, "HTTP/1.1 302 Found\r\nLocation: " + inner.url() + "\r\nContent-Length: 0\r\n\r\n");
  });
  const auto answer = fetch({.url = outer.url(), .redirects = 3, .trust = Trust::operator_});
  EXPECT_EQ(answer.status, ATRIUM_E_DENIED) << answer.why;
  EXPECT_EQ(inner.accepted(), 0);
  EXPECT_EQ(get(inner.url("/", "localhost")).body, "secret");
}

TEST_F(Egress, TellsOfAUrlWithoutALookupWhatItCan) {
  const auto fault = [this](const char* url) { return client().check(url, Trust::user).value_or(""); };
  EXPECT_NE(fault("http://127.0.0.1/").find("loopback"), std::string::npos);
  EXPECT_NE(fault("https://[::ffff:10.0.0.1]:8443/x").find("10.0.0.1"), std::string::npos);
  EXPECT_EQ(fault("http://localhost/"), "");
  EXPECT_EQ(fault("https://1.1.1.1/"), "");
  EXPECT_EQ(client().check("http://127.0.0.1/", Trust::operator_), std::nullopt);
  EXPECT_THROW(fault("ftp://example.org/"), std::invalid_argument);
  client().set_rules({"127.0.0.0/8"}, {});
  EXPECT_EQ(fault("http://127.0.0.1/"), "");
}

TEST_F(Egress, ChangedRulesHoldForWhatIsSentAfterwards) {
  Server server([](tcp::socket& socket, int) {
    while (true) read_head(socket), say(socket, reply("here"));
  });
  EXPECT_EQ(fetch({.url = server.url()}).status, ATRIUM_E_DENIED);
  client().set_rules({"127.0.0.0/8"}, {});
  EXPECT_EQ(fetch({.url = server.url()}).body, "here");
  client().set_rules({"127.0.0.0/8"}, {"127.0.0.1"});
  EXPECT_EQ(fetch({.url = server.url()}).status, ATRIUM_E_DENIED);
  EXPECT_EQ(get(server.url()).status, ATRIUM_E_DENIED);
  EXPECT_THROW(client().set_rules({"127.0.0.0/99"}, {}), std::invalid_argument);
}

TEST_F(Egress, RedirectsAreFollowedOnlyWhenAskedAndWithoutCredentials) {
  options_.allow_private = {"127.0.0.0/8"};
  std::promise<std::string> seen;
  Server other([&](tcp::socket& socket, int) {
    seen.set_value(read_head(socket));
    say(socket, reply("there"));
  });
  Server first([&](tcp::socket& socket, int) {
    read_head(socket);
    say(socket, "HTTP/1.1 303 See Other\r\nLocation: " + other.url("/x") +
                    "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  });
  OutRequest request{.method = "POST",
                     .url = first.url(),
                     .body = "b",
                     .headers = {{"Authorization", "s3cret"}, {"Cookie", "s3cret"}, {"X-Api-Key", "s3cret"}}};
  EXPECT_EQ(fetch(request).http, 303);
  EXPECT_EQ(other.accepted(), 0);
  request.redirects = 1;
  EXPECT_EQ(fetch(request).body, "there");
  const auto text = seen.get_future().get();
  EXPECT_TRUE(text.starts_with("GET /x ")) << text;
  EXPECT_EQ(text.find("s3cret"), std::string::npos);
}

TEST_F(Egress, EndlessRedirectsEnd) {
  options_.allow_private = {"127.0.0.1"};
  Server server([](tcp::socket& socket, int) {
    read_head(socket);
    say(socket, "HTTP/1.1 307 Again\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n");
  });
  EXPECT_EQ(fetch({.url = server.url(), .redirects = 4}).status, ATRIUM_E_UNAVAILABLE);
  EXPECT_EQ(server.accepted(), 5);
}

TEST_F(Egress, OversizeAnswersAreRefused) {
  Server announced([](tcp::socket& socket, int) { read_head(socket), say(socket, reply(std::string(2000, 'x'))); });
  Server streamed([](tcp::socket& socket, int) {
    read_head(socket);
    say(socket, "HTTP/1.1 200 OK\r\n\r\n" + std::string(2000, 'x'));
  });
  for (const auto& url : {announced.url(), streamed.url()}) {
    const auto answer = fetch({.url = url, .max_bytes = 1999, .trust = Trust::operator_});
    EXPECT_EQ(answer.status, ATRIUM_E_INVALID);
    EXPECT_NE(answer.why.find("max_bytes"), std::string::npos);
  }
}

TEST_F(Egress, MalformedAndCutAnswersAreFailures) {
  for (const std::string text :
       {"nonsense\r\n\r\n", "HTTP/1.1 2x0 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc", "HTTP/1.1 101 Switching\r\n\r\n", "",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef"}) {
    Server server([&](tcp::socket& socket, int) { read_head(socket), say(socket, text); });
    EXPECT_EQ(get(server.url()).status, ATRIUM_E_UNAVAILABLE) << text;
  }
  Server server([&](tcp::socket& socket, int) {
    read_head(socket);
    say(socket, "HTTP/1.1 200 OK\r\n");
    while (true) say(socket, "X: " + std::string(5000, 'y') + "\r\n");
  });
  EXPECT_EQ(get(server.url()).status, ATRIUM_E_UNAVAILABLE);
}

TEST_F(Egress, MalformedRequestsAreInvalidAndSendNothing) {
  Server server([](tcp::socket& socket, int) { read_head(socket), say(socket, reply("")); });
  const std::vector<OutRequest> requests = {
      {.method = "GET /x HTTP/1.1\r\nA: b\r\n\r\n", .url = server.url()},
      {.method = "CONNECT", .url = server.url()},
      {.url = server.url("/a b")},
      {.url = server.url(), .headers = {{"A", "x\r\nB: y"}}},
      {.url = server.url(), .headers = {{"A b", "x"}}},
      {.url = server.url(), .headers = {{"Transfer-Encoding", "chunked"}}},
      {.url = server.url(), .headers = {{"host", "other"}}},
  };
  for (auto request : requests) {
    request.trust = Trust::operator_;
    EXPECT_EQ(fetch(request).status, ATRIUM_E_INVALID);
  }
  EXPECT_EQ(server.accepted(), 0);
}

TEST_F(Egress, AConnectionIsUsedAgainAndAStaleOneTriedOnceMore) {
  Server server([](tcp::socket& socket, int connection) {
    for (int i = 0; i < (connection == 0 ? 2 : 100); ++i) {
      read_head(socket);
      say(socket, reply(std::to_string(connection)));
    }
    if (connection == 0) read_head(socket);  // takes a third request, and closes without a word
  });
  EXPECT_EQ(get(server.url()).body, "0");
  EXPECT_EQ(get(server.url()).body, "0");
  EXPECT_EQ(client().counters().reused, 1u);
  const auto post = fetch({.method = "POST", .url = server.url(), .trust = Trust::operator_});
  EXPECT_EQ(post.status, ATRIUM_E_UNAVAILABLE) << "a POST must not be sent twice";
  EXPECT_EQ(get(server.url()).body, "1");
}

TEST_F(Egress, AGetOnAStaleConnectionIsSentAgain) {
  Server server([](tcp::socket& socket, int connection) {
    read_head(socket);
    say(socket, reply(std::to_string(connection)));
    if (connection == 0) read_head(socket);
  });
  EXPECT_EQ(get(server.url()).body, "0");
  EXPECT_EQ(get(server.url()).body, "1");
}

TEST_F(Egress, BeyondItsBoundItRefusesAtOnce) {
  options_.max_in_flight = 1;
  Server server([](tcp::socket& socket, int) { read_head(socket), read_head(socket); });
  auto waiting = send({.url = server.url(), .trust = Trust::operator_});
  EXPECT_EQ(get(server.url()).status, ATRIUM_E_UNAVAILABLE);
  waiting.pending->cancel();
  EXPECT_EQ(waiting.get().status, ATRIUM_E_CANCELLED);
}

TEST_F(Egress, StopEndsEveryExchange) {
  Server server([](tcp::socket& socket, int) { read_head(socket), read_head(socket); });
  std::vector<Running> all;
  for (int i = 0; i < 20; ++i) all.push_back(send({.url = server.url(), .trust = Trust::operator_}));
  client().stop();
  for (auto& each : all) EXPECT_EQ(each.get().status, ATRIUM_E_CANCELLED);
  EXPECT_EQ(get(server.url()).status, ATRIUM_E_CANCELLED);
}

TEST_F(Egress, NamesAndPortsThatDoNotAnswerAreUnavailable) {
  EXPECT_EQ(get("http://no-such-host.invalid/").status, ATRIUM_E_UNAVAILABLE);
  int port = 0;
  {
    Server gone([](tcp::socket&, int) {});
    port = gone.port();
  }
  EXPECT_EQ(get("http://127.0.0.1:" + std::to_string(port)).status, ATRIUM_E_UNAVAILABLE);
}

/// A certificate for "localhost" that signs itself.
class EgressTls : public Egress {
 protected:
  EgressTls() {
    auto pattern = (std::filesystem::temp_directory_path() / "egressXXXXXX").string();
    directory_ = mkdtemp(pattern.data());
    const auto command =
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=test "
        "-addext subjectAltName=DNS:localhost -keyout " +
        key() + " -out " + certificate() + " 2>/dev/null";
    EXPECT_EQ(std::system(command.c_str()), 0);
    tls_.use_certificate_chain_file(certificate());
    tls_.use_private_key_file(key(), boost::asio::ssl::context::pem);
  }
  ~EgressTls() override { std::filesystem::remove_all(directory_); }
  std::string key() const { return directory_ + "/key.pem"; }
  std::string certificate() const { return directory_ + "/cert.pem"; }
  void serve(tcp::socket& socket) {
    boost::asio::ssl::stream<tcp::socket&> stream(socket, tls_);
    stream.handshake(boost::asio::ssl::stream_base::server);
    while (true) {
      read_head(stream);
      say(stream, reply(std::string(100'000, 's')));
    }
  }

  std::string directory_;
  boost::asio::ssl::context tls_{boost::asio::ssl::context::tls_server};
  Server server_{[this](tcp::socket& socket, int) { serve(socket); }};
  std::string url(const std::string& host) const { return "https" + server_.url("/", host).substr(4); }
};

TEST_F(EgressTls, ATrustedPeerIsReadAndItsConnectionReused) {
  options_.ca_file = certificate();
  for (int i = 0; i < 2; ++i) {
    const auto answer = get(url("localhost"));
    EXPECT_EQ(answer.status, ATRIUM_OK) << answer.why;
    EXPECT_EQ(answer.body.size(), 100'000u);
  }
  EXPECT_EQ(client().counters().reused, 1u);
}

TEST_F(EgressTls, AnUntrustedPeerIsRefused) {
  const auto answer = get(url("localhost"));
  EXPECT_EQ(answer.status, ATRIUM_E_UNAVAILABLE);
  EXPECT_NE(answer.why.find("certificate"), std::string::npos) << answer.why;
}

TEST_F(EgressTls, AWrongNameIsRefused) {
  options_.ca_file = certificate();
  const auto answer = get(url("127.0.0.1"));
  EXPECT_EQ(answer.status, ATRIUM_E_UNAVAILABLE);
  EXPECT_NE(answer.why.find("mismatch"), std::string::npos) << answer.why;
}

TEST_F(EgressTls, AnUnreadableCaFileStopsTheStart) {
  options_.ca_file = directory_ + "/none.pem";
  EXPECT_THROW(client(), std::runtime_error);
}

}  // namespace
}  // namespace kernel::egress
