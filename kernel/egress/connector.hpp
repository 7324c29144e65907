#pragma once
// From a name to a connected socket: resolve, classify every address, dial the ones that may be dialled.
#include "egress/core.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace kernel::egress {

struct Target {
  std::string host;
  std::uint16_t port = 0;
  bool numeric = false;  ///< the host is an address
  Trust trust = Trust::user;
  Hosts hosts;
  std::string where() const { return host + ":" + std::to_string(port); }
};

/// Why a host's name is refused, where it is.
std::optional<std::string> refused(const Hosts& hosts, std::string_view host);

/// On the client's I/O thread only. One of connected and failed is called, once, unless stop() comes before.
class Connector : public std::enable_shared_from_this<Connector> {
 public:
  using Clock = std::chrono::steady_clock;
  using Address = boost::asio::ip::address;
  struct Handlers {
    /// The addresses that may be dialled. False: there is a connection to one of them already, nothing follows.
    std::function<bool(const std::vector<Address>&)> resolved;
    std::function<void(boost::asio::ip::tcp::socket, const Address&)> connected;
    std::function<void(std::int32_t status, const std::string& why)> failed;
  };

  Connector(Core& core, Target target, Handlers handlers);
  void start(Clock::time_point until);
  void stop();

 private:
  void on_resolved(const Resolved& resolved);
  void connect_next();
  void arm();
  void on_time();
  void fail(std::int32_t status, const std::string& why);

  Core& core_;
  const Target target_;
  Handlers handlers_;
  boost::asio::steady_timer timer_;
  Clock::time_point until_, attempt_until_;
  std::vector<Address> candidates_;
  std::size_t next_ = 0;
  std::optional<boost::asio::ip::tcp::socket> socket_;
  std::uint64_t attempt_ = 0;  ///< a late handler must not touch a newer attempt
  std::string last_failure_;
  bool over_ = false;
};

}  // namespace kernel::egress
