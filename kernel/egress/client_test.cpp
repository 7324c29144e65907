// One exchange: pieces, pressure, cancellation, limits, and what breaks.
#include "egress/egress_fixture.hpp"

namespace kernel::egress {
namespace {

using namespace testing;
using namespace std::chrono_literals;

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

}  // namespace
}  // namespace kernel::egress
