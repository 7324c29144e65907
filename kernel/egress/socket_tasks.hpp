#pragma once
// Sockets for protocols other than HTTP: making one, and waiting for one on no thread.
#include "egress/client.hpp"
#include "egress/connector.hpp"
#include "egress/core.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <memory>

namespace kernel::egress {

/// Runs a callback on the pool.
using Deliver = std::function<void(std::function<void()>)>;

/// What the two have in common: ends once, on the client's I/O thread, and says so on the pool.
class SocketTask : public Task, public Pending, public std::enable_shared_from_this<SocketTask> {
 public:
  SocketTask(std::shared_ptr<Core> core, Deliver deliver) : core_(std::move(core)), deliver_(std::move(deliver)) {}
  void cancel() override;
  /// It was never begun.
  virtual void refuse(std::int32_t status, const std::string& why) = 0;

 protected:
  /// False: it has ended already.
  bool end(std::int32_t status);

  const std::shared_ptr<Core> core_;
  const Deliver deliver_;
  bool ended_ = false;
};

class Dial final : public SocketTask {
 public:
  Dial(std::shared_ptr<Core> core, Deliver deliver, DialRequest request, ConnectedFn connected);
  void start();
  void abort(std::int32_t status, const std::string& why) override;
  void refuse(std::int32_t status, const std::string& why) override;

 private:
  void on_connected(boost::asio::ip::tcp::socket socket, const boost::asio::ip::address& address);

  const DialRequest request_;
  const ConnectedFn connected_;
  std::shared_ptr<Connector> connector_;
};

class Wait final : public SocketTask {
 public:
  Wait(std::shared_ptr<Core> core, Deliver deliver, int descriptor, int events, std::chrono::milliseconds timeout,
       ReadyFn ready);
  void start();
  void abort(std::int32_t status, const std::string& why) override;
  void refuse(std::int32_t status, const std::string& why) override;

 private:
  void finish(std::int32_t status, const std::string& why);
  void await(boost::asio::posix::stream_descriptor::wait_type what);

  const int number_, events_;
  const std::chrono::milliseconds timeout_;
  const ReadyFn ready_;
  boost::asio::posix::stream_descriptor descriptor_;
  boost::asio::steady_timer timer_;
};

}  // namespace kernel::egress
