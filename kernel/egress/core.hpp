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
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

namespace kernel::egress {

/// What runs on the client's I/O thread and can be ended there.
class Task {
 public:
  virtual ~Task() = default;
  virtual void abort(std::int32_t status, const std::string& why) = 0;
};

struct Core : std::enable_shared_from_this<Core> {
  explicit Core(Options given) : options(std::move(given)), rules_(std::make_shared<AddressRules>(options)) {
    if (!options.ca_file.empty()) tls_or_null = make_tls_context(options.ca_file);
  }

  const Options options;
  boost::asio::io_context io{1};

  /// Those in effect now; thread-safe.
  std::shared_ptr<const AddressRules> rules() const {
    const std::lock_guard lock(rules_changing_);
    return rules_;
  }
  void set_rules(std::shared_ptr<const AddressRules> fresh) {
    const std::lock_guard lock(rules_changing_);
    rules_ = std::move(fresh);
  }

  // On the I/O thread only.
  TlsContext tls_or_null;
  /// Made at the first use: reading the system's certificates takes longer than the rest of the start. Throws.
  SSL_CTX* tls() {
    if (!tls_or_null) tls_or_null = make_tls_context({});
    return tls_or_null.get();
  }
  IdleConnections idle;
  std::unordered_map<Task*, std::shared_ptr<Task>> tasks;
  std::array<char, 64 * 1024> buffer;
  std::unique_ptr<Resolver> resolver = std::make_unique<Resolver>();

  std::atomic<bool> stopped = false;
  std::atomic<std::uint64_t> in_flight = 0, done = 0, failed = 0, denied = 0, reused = 0;

 private:
  mutable std::mutex rules_changing_;
  std::shared_ptr<const AddressRules> rules_;
};

}  // namespace kernel::egress
