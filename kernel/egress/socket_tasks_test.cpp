// Sockets for other protocols: dialled under the rules of every exchange, and waited for on no thread.
#include "egress/client.hpp"

#include <atrium/abi.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <future>

namespace kernel::egress {
namespace {

using namespace std::chrono_literals;

struct Dialled {
  int descriptor;
  std::string address;
  std::int32_t status;
  std::string why;
};

/// Listens on a loopback port and accepts nothing by itself.
class Listener {
 public:
  Listener() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    bind(socket_, reinterpret_cast<sockaddr*>(&address), length);
    listen(socket_, 8);
    getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &length);
    port = ntohs(address.sin_port);
  }
  ~Listener() { close(socket_); }
  int accept() const { return ::accept(socket_, nullptr, nullptr); }
  std::uint16_t port = 0;

 private:
  int socket_;
};

class SocketTasks : public ::testing::Test {
 protected:
  ~SocketTasks() override {
    client_.stop();
    jobs_.stop();
  }
  Dialled dial(const std::string& host, std::uint16_t port, Trust trust) {
    std::promise<Dialled> done;
    client_.dial({.host = host, .port = port, .trust = trust},
                 [&](int descriptor, const std::string& address, std::int32_t status, const std::string& why) {
                   done.set_value({descriptor, address, status, why});
                 });
    return done.get_future().get();
  }
  std::shared_ptr<Pending> wait(int descriptor, int events, std::chrono::milliseconds timeout) {
    ready_ = {};
    return client_.wait(descriptor, events, timeout,
                        [this](std::int32_t status, const std::string&) { ready_.set_value(status); });
  }
  std::int32_t outcome() { return ready_.get_future().get(); }

  jobs::Jobs jobs_{{}};
  Client client_{{}, jobs_};
  Listener listener_;
  std::promise<std::int32_t> ready_;
};

TEST_F(SocketTasks, TheOperatorsAddressIsDialledAndTheSocketIsOnesOwn) {
  const auto dialled = dial("127.0.0.1", listener_.port, Trust::operator_);
  ASSERT_EQ(dialled.status, ATRIUM_OK) << dialled.why;
  EXPECT_EQ(dialled.address, "127.0.0.1");
  EXPECT_NE(fcntl(dialled.descriptor, F_GETFL) & O_NONBLOCK, 0);
  const int accepted = listener_.accept();
  ASSERT_GE(accepted, 0);
  wait(dialled.descriptor, 2, 10s);
  EXPECT_EQ(outcome(), ATRIUM_OK);
  const auto pending = wait(dialled.descriptor, 1, 10s);
  EXPECT_EQ(::send(accepted, "x", 1, 0), 1);
  EXPECT_EQ(outcome(), ATRIUM_OK);
  close(accepted);
  close(dialled.descriptor);
}

TEST_F(SocketTasks, AUsersAddressIsRefusedBeforeAPacketLeaves) {
  for (const auto* host : {"127.0.0.1", "localhost", "0177.0.0.1", "2130706433", "::ffff:127.0.0.1"})
    EXPECT_EQ(dial(host, listener_.port, Trust::user).status, ATRIUM_E_DENIED) << host;
  EXPECT_EQ(listener_.accept(), -1);
}

TEST_F(SocketTasks, WhatCannotBeReachedSaysWhy) {
  std::uint16_t closed;
  {
    const Listener gone;
    closed = gone.port;
  }
  const auto refused = dial("127.0.0.1", closed, Trust::operator_);
  EXPECT_EQ(refused.status, ATRIUM_E_UNAVAILABLE);
  EXPECT_EQ(refused.descriptor, -1);
  EXPECT_NE(refused.why.find("refused"), std::string::npos) << refused.why;
  EXPECT_EQ(dial("no-such-host.invalid", 22, Trust::operator_).status, ATRIUM_E_UNAVAILABLE);
}

TEST_F(SocketTasks, AWaitEndsByItsTimeItsCancellationOrTheStop) {
  const auto dialled = dial("127.0.0.1", listener_.port, Trust::operator_);
  ASSERT_EQ(dialled.status, ATRIUM_OK);
  wait(dialled.descriptor, 1, 1ms);
  EXPECT_EQ(outcome(), ATRIUM_E_TIMEOUT);
  wait(dialled.descriptor, 1, 1h)->cancel();
  EXPECT_EQ(outcome(), ATRIUM_E_CANCELLED);
  const auto pending = wait(dialled.descriptor, 1, 1h);
  client_.stop();
  EXPECT_EQ(outcome(), ATRIUM_E_CANCELLED);
  EXPECT_EQ(client_.counters().in_flight, 0u);
  close(dialled.descriptor);
}

TEST_F(SocketTasks, ADescriptorThatIsNoneIsRefused) {
  wait(-1, 1, 1s);
  EXPECT_EQ(outcome(), ATRIUM_E_INVALID);
}

}  // namespace
}  // namespace kernel::egress
