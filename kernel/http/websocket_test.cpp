#include "http/testing/harness.hpp"

#include <memory>
#include <thread>
#include <vector>

namespace kernel::http::testing {
namespace {

using WebSockets = HttpTest;

const std::string handshake =
    "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// A masked client frame (the mask is zero, which the protocol allows).
std::string frame(int opcode, std::string_view payload, bool last = true) {
  std::string text;
  text.push_back(static_cast<char>((last ? 0x80 : 0) | opcode));
  if (payload.size() < 126) {
    text.push_back(static_cast<char>(0x80 | payload.size()));
  } else {
    text.push_back(static_cast<char>(0x80 | 127));
    for (int shift = 56; shift >= 0; shift -= 8) text.push_back(static_cast<char>(payload.size() >> shift & 0xff));
  }
  text.append(4, '\0');
  return text.append(payload);
}

/// The first four bytes of a close frame with that code, whatever its reason's length.
bool closes_with(const std::string& got, int code) {
  const std::string tail{static_cast<char>(code >> 8), static_cast<char>(code & 0xff)};
  for (auto at = got.find('\x88'); at != std::string::npos; at = got.find('\x88', at + 1)) {
    if (got.substr(at + 2, 2) == tail) return true;
  }
  return false;
}

TEST_F(WebSockets, FramesSentWithTheHandshakeAreEchoed) {
  Client client(start());
  client.send(handshake + frame(1, "early"));
  const auto got = client.read_until(
      "\x81\x05"
      "early");
  EXPECT_EQ(status_of(got), "101");
  EXPECT_NE(got.find("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), std::string::npos);
}

TEST_F(WebSockets, FragmentsPingsAndTheCloseHandshakeWork) {
  Client client(start());
  client.send(handshake + frame(1, "he", false) + frame(9, "p") + frame(0, "llo"));
  client.read_until("hello");
  client.send(frame(8, "\x03\xe8"));
  const auto got = client.read_all();
  EXPECT_NE(got.find("\x81\x05hello"), std::string::npos);
  EXPECT_NE(got.find("\x8a\x01p"), std::string::npos);
  EXPECT_TRUE(closes_with(got, 1000));
  client.finish_sending();
  EXPECT_TRUE(eventually([&] { return dispatch->websockets_closed == 1; }));
}

TEST_F(WebSockets, WhatBreaksTheRulesIsClosedWithItsCode) {
  start();
  auto code_after = [&](const std::string& frames) {
    Client client(server->port());
    client.send(handshake + frames);
    return client.read_all();
  };
  EXPECT_TRUE(closes_with(code_after(frame(1, std::string(70'000, 'x'))), 1009));
  EXPECT_TRUE(closes_with(code_after(frame(1, "\xff\xfe")), 1007));
  EXPECT_TRUE(closes_with(code_after(frame(3, "x")), 1002));
  EXPECT_TRUE(closes_with(code_after(frame(2, "x")), 1003));
}

TEST_F(WebSockets, AWrongHandshakeIsRefused) {
  start();
  auto without = [](std::string text, const std::string& from, const std::string& to) {
    return text.replace(text.find(from), from.size(), to);
  };
  EXPECT_EQ(status_of(talk(without(handshake, "Version: 13", "Version: 8"))), "426");
  EXPECT_EQ(status_of(talk(without(handshake, "dGhlIHNhbXBsZSBub25jZQ==", "short"))), "400");
  EXPECT_EQ(status_of(talk("GET /ws HTTP/1.1\r\nHost: a\r\n\r\n")), "426");
}

TEST_F(WebSockets, AClientTooSlowToReadIsClosedWith4408) {
  Client client(start());
  client.send(handshake + frame(1, "flood"));
  ASSERT_TRUE(eventually([&] { return server->counters().slow_dropped == 1; }));
  EXPECT_TRUE(closes_with(client.read_until("too slow"), 4408));
}

TEST_F(WebSockets, ClientsThatVanishLeaveNothingBehind) {
  start();
  {
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < 200; ++i) {
      clients.push_back(std::make_unique<Client>(server->port()));
      clients.back()->send(handshake + frame(1, "x"));
    }
    ASSERT_TRUE(eventually([&] { return server->counters().websockets == 200; }));
  }
  EXPECT_TRUE(eventually([&] { return server->counters().open == 0 && dispatch->websockets_closed == 200; }));
}

TEST_F(WebSockets, DrainClosesWith1001) {
  Client client(start());
  client.send(handshake);
  client.read_until("\r\n\r\n");
  std::string got;
  std::thread reader([&] {
    got = client.read_until("shuts down");
    client.send(frame(8, "\x03\xe9"));
    client.finish_sending();
  });
  server->drain(patience);
  reader.join();
  EXPECT_TRUE(closes_with(got, 1001));
}

}  // namespace
}  // namespace kernel::http::testing
