#include "http/testing/harness.hpp"

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace kernel::http::testing {
namespace {

using Requests = HttpTest;

const std::string get = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";

TEST_F(Requests, PipelinedOnesAreAnsweredInOrder) {
  Client client(start());
  std::string raw;
  for (int i = 0; i < 50; ++i) raw += "GET /later?n" + std::to_string(i) + "_ HTTP/1.1\r\nHost: a\r\n\r\n";
  client.send(raw);
  const auto replies = client.read_until("n49_");
  std::size_t at = 0;
  for (int i = 0; i < 50; ++i) {
    at = replies.find("\r\n\r\nn" + std::to_string(i) + "_", at);
    ASSERT_NE(at, std::string::npos) << i;
  }
}

TEST_F(Requests, ChunkedBodySentByteByByteArrivesWhole) {
  Client client(start());
  const std::string raw =
      "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x=\"y\"\r\nhello\r\n6\r\n "
      "world\r\n0\r\nT: "
      "r\r\n\r\n";
  for (const char& c : raw) client.send({&c, 1});
  EXPECT_NE(client.read_until("hello world").find("200 OK"), std::string::npos);
  client.forget();
  client.send(get);
  EXPECT_NE(client.read_until("\r\n\r\nhi").find("200 OK"), std::string::npos);
}

TEST_F(Requests, HeadHasTheLengthButNoBody) {
  Client client(start());
  client.send("HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n" + get);
  const auto replies = client.read_until("\r\n\r\nhi");
  EXPECT_NE(replies.find("content-length: 2\r\n\r\nHTTP/1.1 200"), std::string::npos) << replies;
}

TEST_F(Requests, KeepAliveFollowsTheVersionAndTheField) {
  Client client(start());
  client.send("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_NE(client.read_until("\r\n\r\nhi").find("connection: keep-alive"), std::string::npos);
  client.send("GET /hello HTTP/1.0\r\n\r\n");
  EXPECT_NE(client.read_all().find("connection: close"), std::string::npos);
  Client other(server->port());
  other.send("GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + get);
  const auto reply = other.read_all();
  EXPECT_EQ(reply.rfind("HTTP/1.1"), 0U) << "nothing is answered after close";
}

TEST_F(Requests, ContinueIsSaidOnlyWhenTheBodyIsWanted) {
  Client client(start());
  client.send("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(status_of(client.read_until("\r\n\r\n")), "100");
  client.send("ok");
  client.read_until("\r\n\r\nok");
  Client denied(server->port());
  denied.send("POST /denied HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(status_of(denied.read_all()), "403");
}

TEST_F(Requests, AClientThatClosedItsHalfGetsItsAnswers) {
  start();
  const auto replies = talk("GET /later?one HTTP/1.1\r\nHost: a\r\n\r\nGET /later?two HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_NE(replies.find("one"), std::string::npos);
  EXPECT_NE(replies.find("two"), std::string::npos);
}

TEST_F(Requests, AClientThatLeavesEndsItsRequest) {
  {
    Client client(start());
    client.send("GET /hang HTTP/1.1\r\nHost: a\r\n\r\n");
    ASSERT_TRUE(eventually([&] { return dispatch->handled == 1; }));
  }
  EXPECT_TRUE(eventually([&] { return dispatch->cancelled == 1; }));
  EXPECT_EQ(server->counters().timeouts, 0U);
}

TEST_F(Requests, AClientThatWaitsWithItsHalfClosedIsAskedOnce) {
  options.handler_timeout = std::chrono::milliseconds(1'000);
  start();
  const auto replies = talk("GET /hang HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(replies.find("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503"), 0U) << replies;
}

TEST_F(Requests, AnAbsoluteTargetIsReduced) {
  start();
  EXPECT_NE(talk("GET http://b:80/target?x=1 HTTP/1.1\r\nHost: a\r\n\r\n").find("\r\n\r\n/target?x=1"),
            std::string::npos);
}

TEST_F(Requests, ASlowHeadGets408AndASilentHandler503) {
  options.header_timeout = std::chrono::milliseconds(300);
  options.handler_timeout = std::chrono::milliseconds(300);
  Client slow(start());
  slow.send("GET /hello HTTP/1.1\r\nHos");
  EXPECT_EQ(status_of(slow.read_all()), "408");
  Client hanging(server->port());
  hanging.send("GET /hang HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(status_of(hanging.read_all()), "503");
  EXPECT_TRUE(eventually([&] { return dispatch->cancelled == 1; }));
}

TEST_F(Requests, ABodyThatStopsGets408) {
  options.body_timeout = std::chrono::milliseconds(300);
  Client client(start());
  client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe");
  EXPECT_EQ(status_of(client.read_all()), "408");
}

TEST_F(Requests, StreamsBothWaysWithBackpressure) {
  Client client(start());
  client.send("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(eventually([&] { return dispatch->pauses > 0; })) << "an unread stream must pause";
  const auto reply = client.read_until("\r\n0\r\n\r\n");
  EXPECT_GT(reply.size(), 3'200'000U);
  client.forget();
  client.send("POST /sink HTTP/1.1\r\nHost: a\r\nContent-Length: 5000000\r\n\r\n" + std::string(5'000'000, 'u'));
  EXPECT_NE(client.read_until("\r\n\r\n5000000").find("200 OK"), std::string::npos);
  Client old(server->port());
  old.send("GET /stream HTTP/1.0\r\n\r\n");
  const auto plain = old.read_all();
  EXPECT_EQ(plain.size() - plain.find("\r\n\r\n") - 4, 3'200'000U);
}

TEST_F(Requests, AReplyThatCannotBeCompletedLooksIncomplete) {
  const auto reply = [&] {
    Client client(start());
    client.send("GET /cut HTTP/1.1\r\nHost: a\r\n\r\n");
    return client.read_all();
  }();
  EXPECT_EQ(reply.find("0\r\n\r\n"), std::string::npos) << reply;
  EXPECT_EQ(dispatch->replied, 1);
}

TEST_F(Requests, AClientThatNeverReadsIsDroppedAndHoldsUpNobody) {
  options.write_stall_timeout = std::chrono::milliseconds(500);
  options.io_threads = 1;
  Client deaf(start());
  for (int i = 0; i < 10; ++i) deaf.send("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(eventually([&] { return dispatch->pauses > 0; }));
  EXPECT_EQ(status_of(talk(get)), "200");
  EXPECT_TRUE(eventually([&] { return server->counters().slow_dropped == 1; }));
}

TEST_F(Requests, RepliesFromOtherThreadsNeverReachAnotherClient) {
  start();
  std::atomic<int> wrong{0};
  auto churn = [&](int id) {
    for (int i = 0; i < 150; ++i) {
      Client client(server->port());
      const auto mark = "id" + std::to_string(id) + "x" + std::to_string(i) + "_";
      client.send("GET /later?" + mark + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
      if (i % 3 == 0) continue;  // gone before its answer
      if (client.read_all().find("\r\n\r\n" + mark) == std::string::npos) ++wrong;
    }
  };
  std::vector<std::thread> threads;
  for (int id = 0; id < 6; ++id) threads.emplace_back(churn, id);
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(Requests, AFullServerSaysSo) {
  options.max_connections = 2;
  Client first(start()), second(server->port());
  first.send(get);
  second.send(get);
  first.read_until("\r\n\r\nhi");
  second.read_until("\r\n\r\nhi");
  Client third(server->port());
  EXPECT_EQ(status_of(third.read_all()), "503");
  EXPECT_EQ(server->counters().refused_full, 1U);
}

TEST_F(Requests, DrainFinishesWhatRunsAndRefusesNewConnections) {
  const auto port = start();
  Client idle(port), events(port), hanging(port);
  idle.send(get);
  idle.read_until("\r\n\r\nhi");
  events.send("GET /events HTTP/1.1\r\nHost: a\r\n\r\n");
  events.read_until("data: 1");
  hanging.send("GET /hang HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(eventually([&] { return dispatch->handled == 3; }));
  std::thread reader([&] {
    idle.read_all();
    EXPECT_NE(events.read_all().find("0\r\n\r\n"), std::string::npos);
  });
  server->drain(std::chrono::milliseconds(500));
  reader.join();
  EXPECT_EQ(server->counters().open, 0U);
  EXPECT_EQ(dispatch->cancelled, 2) << "the SSE stream and the request cut off at the end";
  EXPECT_FALSE(Client(port).connected);
}

TEST_F(Requests, ListensOnIPv6) {
  options.host = "[::1]";
  EXPECT_NE(start(), 0);
}

TEST_F(Requests, ATakenAddressIsNamed) {
  options.port = start();
  try {
    Server second(options, dispatch);
    FAIL() << "bound twice";
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find("127.0.0.1"), std::string::npos);
  }
}

}  // namespace
}  // namespace kernel::http::testing
