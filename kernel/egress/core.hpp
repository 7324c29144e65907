#pragma once
// What the exchanges of one client share. Callbacks that may outlive the client hold it weakly.
#include "egress/address_rules.hpp"
#include "egress/idle_connections.hpp"
#include "egress/resolver.hpp"
#include "egress/tls.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <array>
#include <atomic>
#include <unordered_map>

namespace kernel::egress {

class Exchange;

struct Core {
  explicit Core(Options given) : options(std::move(given)), rules(options), tls(make_tls_context(options.ca_file)) {}

  const Options options;
  const AddressRules rules;
  const TlsContext tls;
  boost::asio::io_context io{1};

  // On the I/O thread only.
  IdleConnections idle;
  std::unordered_map<Exchange*, std::shared_ptr<Exchange>> exchanges;
  std::array<char, 64 * 1024> buffer;
  std::unique_ptr<Resolver> resolver = std::make_unique<Resolver>();

  std::atomic<bool> stopped = false;
  std::atomic<std::uint64_t> in_flight = 0, done = 0, failed = 0, denied = 0, reused = 0;
};

}  // namespace kernel::egress
