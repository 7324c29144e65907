#pragma once
// One request and its answer: resolve, classify, connect, send, receive, and follow or try again where that is allowed.
#include "egress/connector.hpp"
#include "egress/core.hpp"
#include "egress/delivery.hpp"
#include "egress/request.hpp"
#include "egress/response_parser.hpp"

#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <vector>

namespace kernel::egress {

/// Everything but cancel() runs on the client's I/O thread.
class Exchange : public Task, public Pending, public std::enable_shared_from_this<Exchange> {
 public:
  Exchange(std::shared_ptr<Core> core, OutRequest request, Url url, std::shared_ptr<Delivery> delivery);
  void start();
  void cancel() override;
  /// What was received and not yet delivered is dropped.
  void abort(std::int32_t status, const std::string& why) override { finish(status, why, true); }
  void resume();

 private:
  using Clock = std::chrono::steady_clock;
  using Step = void (Exchange::*)();
  enum class Phase : std::uint8_t { connecting, answering };

  void resolve();
  bool reuse(const std::vector<boost::asio::ip::address>& candidates);
  std::string reuse_key(const boost::asio::ip::address& address) const;
  void on_connected(boost::asio::ip::tcp::socket socket, const boost::asio::ip::address& address);
  void handshake();
  void begin_sending();
  void send();
  void receive();
  bool consume();
  bool on_head();
  void redirect();
  void on_body(std::string_view piece);
  void on_end(const std::string& why, bool clean);
  void complete();

  void new_parser();
  void wait(Connection::Io io, Step next);
  void expect(std::chrono::milliseconds limit);
  void arm();
  void on_time();
  void fail(const std::string& why);
  void finish(std::int32_t status, const std::string& why, bool drop = false);
  std::string where() const { return url_.host + ":" + std::to_string(url_.port); }

  const std::shared_ptr<Core> core_;
  OutRequest request_;
  Url url_;
  const std::shared_ptr<Delivery> delivery_;

  boost::asio::steady_timer timer_;
  Clock::time_point total_, phase_until_, armed_until_;
  Phase phase_ = Phase::connecting;

  std::shared_ptr<Connector> connector_;
  std::unique_ptr<Connection> connection_;
  std::uint64_t generation_ = 0;  // of connection_: an old wait's late handler must not touch a new one
  std::string head_, input_;
  std::size_t sent_ = 0, received_ = 0;
  std::optional<ResponseParser> parser_;
  int hops_ = 0, interim_ = 0;
  bool fresh_only_ = false, reused_ = false, heard_ = false, head_seen_ = false, write_failed_ = false;
  bool paused_ = false, finished_ = false;
};

}  // namespace kernel::egress
