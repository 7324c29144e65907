#pragma once
// The one way out to other hosts: resolve, classify every address, dial the address that was classified.
#include "jobs/jobs.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace kernel::egress {

/// user: named by users, agents, templates, so special ranges are refused. operator: named by configuration or an admin.
enum class Trust : std::uint8_t { user, operator_ };

struct OutRequest {
  std::string method = "GET", url, body;
  std::vector<std::pair<std::string, std::string>> headers;
  std::chrono::milliseconds connect_timeout{10'000}, idle_timeout{60'000}, timeout{300'000};
  std::size_t max_bytes = 8 << 20;
  int redirects = 0;
  Trust trust = Trust::user;
};

/// On pool threads, one after another for one exchange.
struct OutHandlers {
  std::function<void(int status, std::map<std::string, std::string> headers)> head;
  std::function<bool(std::string_view piece)> data;  ///< false abandons
  std::function<void(std::int32_t status, const std::string& why)> done;  ///< last, exactly once; ATRIUM_E_* or OK
};

class Pending {
 public:
  virtual ~Pending() = default;
  virtual void cancel() = 0;
};

struct Options {
  std::vector<std::string> allow_private;  ///< CIDRs that user addresses may reach all the same
  std::vector<std::string> deny;           ///< CIDRs nobody may reach
  std::size_t max_in_flight = 4'000;
  std::string ca_file;                     ///< empty: the system's
};

class Client {
 public:
  Client(Options options, jobs::Jobs& jobs);
  ~Client();
  /// Never waits. Malformed requests end in done(ATRIUM_E_INVALID), refused addresses in ATRIUM_E_DENIED.
  std::shared_ptr<Pending> send(OutRequest request, OutHandlers handlers);
  void stop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// Whether a numeric address may be dialled for `trust`; the reason when not.
bool address_allowed(std::string_view address, Trust trust, const Options& options, std::string* why);

}  // namespace kernel::egress
