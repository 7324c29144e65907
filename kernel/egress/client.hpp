#pragma once
// The one way out to other hosts: resolve, classify every address, dial the address that was classified.
#include "jobs/jobs.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kernel::egress {

/// user: named by users and by what they write, so special ranges are refused. operator: named by configuration or an
/// admin. A redirect to another origin is followed as user: the operator named the first address only.
enum class Trust : std::uint8_t { user, operator_ };

/// Names that a request may go to, each hop of it: "api.example.org", or "*.example.org" for every name below. Null:
/// any.
using Hosts = std::shared_ptr<const std::vector<std::string>>;

/// The framing headers (Host, Content-Length, Connection, ...) are the client's own; naming them is ATRIUM_E_INVALID.
/// connect_timeout covers the lookup, the connection and TLS; idle_timeout the time between two bytes; timeout the
/// whole. redirects: how many to follow; each is resolved and classified again, never from https to http, and on
/// another origin only Accept*, Content-Type, Content-Language and User-Agent go along.
struct OutRequest {
  std::string method = "GET", url, body;
  std::vector<std::pair<std::string, std::string>> headers;
  std::chrono::milliseconds connect_timeout{10'000}, idle_timeout{60'000}, timeout{300'000};
  std::size_t max_bytes = 8 << 20;
  int redirects = 0;
  Trust trust = Trust::user;
  Hosts hosts;
};

/// On pool threads, one after another for one exchange. Reading pauses while more than 256 KiB wait for data().
struct OutHandlers {
  /// Names in lower case; a name's repeated values are joined with ", ".
  std::function<void(int status, std::map<std::string, std::string> headers)> head;
  std::function<bool(std::string_view piece)> data;                       ///< false abandons
  std::function<void(std::int32_t status, const std::string& why)> done;  ///< last, exactly once; ATRIUM_E_* or OK
  /// On the client's own thread instead, which no handler may keep: for a caller that holds a pool thread until done().
  bool at_once = false;
};

/// For protocols other than HTTP.
struct DialRequest {
  std::string host;  ///< a name or an address
  std::uint16_t port = 0;
  std::chrono::milliseconds connect_timeout{10'000};
  Trust trust = Trust::user;
  Hosts hosts;
};
/// Once, on a pool thread. The descriptor is non-blocking and the receiver's to close; -1 where status is not OK.
using ConnectedFn =
    std::function<void(int descriptor, const std::string& address, std::int32_t status, const std::string& why)>;
/// Once, on a pool thread: OK, _TIMEOUT or _CANCELLED.
using ReadyFn = std::function<void(std::int32_t status, const std::string& why)>;

class Pending {
 public:
  virtual ~Pending() = default;
  virtual void cancel() = 0;
};

struct Options {
  std::vector<std::string> allow_private;  ///< CIDRs that user addresses may reach all the same
  std::vector<std::string> deny;           ///< CIDRs nobody may reach
  std::size_t max_in_flight = 4'000;
  std::string ca_file;  ///< empty: the system's
};

class Client {
 public:
  /// Throws std::invalid_argument for a malformed CIDR, std::runtime_error for an unreadable ca_file.
  Client(Options options, jobs::Jobs& jobs);
  ~Client();
  /// Never waits. done() says: ATRIUM_E_INVALID a malformed request or an answer beyond max_bytes; _DENIED a refused
  /// address, host or redirect, before a packet leaves; _UNAVAILABLE the lookup, connection, TLS or answer failed, or
  /// max_in_flight is reached; _TIMEOUT; _CANCELLED. Any HTTP status is OK.
  std::shared_ptr<Pending> send(OutRequest request, OutHandlers handlers);
  /// A connected TCP socket to an address checked as by send(). Never waits; the same statuses.
  std::shared_ptr<Pending> dial(DialRequest request, ConnectedFn connected);
  /// Until the descriptor can be read (1), written (2) or either (3). It is to be closed only after `ready`.
  std::shared_ptr<Pending> wait(int descriptor, int events, std::chrono::milliseconds timeout, ReadyFn ready);
  /// What is known of a URL without a lookup: throws std::invalid_argument for a malformed one; why its address is
  /// refused, where it names one, or its name. Thread-safe.
  std::optional<std::string> check(std::string_view url, Trust trust, const Hosts& hosts = {}) const;
  /// Replaces the two lists: they hold for every exchange sent after this, those under way go on. Throws
  /// std::invalid_argument for a malformed CIDR. Thread-safe.
  void set_rules(std::vector<std::string> allow_private, std::vector<std::string> deny);
  /// Ends every exchange with ATRIUM_E_CANCELLED and closes the sockets; their last callbacks may still be queued.
  void stop();
  struct Counters {
    std::uint64_t in_flight, done, failed, denied, reused;
  };
  Counters counters() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// Whether a numeric address may be dialled for `trust`; the reason when not.
bool address_allowed(std::string_view address, Trust trust, const Options& options, std::string* why);

}  // namespace kernel::egress
