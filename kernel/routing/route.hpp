#pragma once
// A route as it is declared, once: matching, access, body rules and the OpenAPI description all read from here.
#include "auth/principal.hpp"
#include "http/exchange.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kernel::routing {

enum class Runs : std::uint8_t { io, fast_read, pool };
enum class Body : std::uint8_t { none, json, merge, stream };

/// Takes the reply of a request that must not be done twice, before it is sent (see idempotency.hpp).
class ReplyKeeper {
 public:
  virtual ~ReplyKeeper() = default;
  /// Keeps the reply, then sends it with send().
  virtual void keep(const std::shared_ptr<http::Exchange>& exchange, http::Reply reply) = 0;
  /// The reply is streamed: it cannot be kept.
  virtual void streaming() = 0;
};

/// Everything the pipeline knows of a running request; hangs on Exchange::context as shared_ptr<Context>.
struct Context {
  std::shared_ptr<const struct Route> route;
  std::vector<std::pair<std::string, std::string>> path;   ///< {name} -> decoded value
  std::vector<std::pair<std::string, std::string>> query;  ///< decoded, in order
  auth::PrincipalPtr principal;                            ///< null where nobody signed in
  std::string request_id, client_address, traceparent;
  std::string_view scheme = "http";  ///< as the client sees it
  std::string origin;                ///< "https://host:port"; empty until asked for
  http::Headers reply_headers;  ///< what every reply of this request carries
  std::chrono::steady_clock::time_point began;
  bool needs_lookup = false;            ///< who is asking is still to be looked up, on a pool thread
  std::shared_ptr<ReplyKeeper> keeper;  ///< null for most requests
};
using ContextPtr = std::shared_ptr<Context>;
/// Null before the pipeline has seen the request.
ContextPtr context_of(const http::Exchange& exchange);

/// The ways a handler answers: they add what every reply carries (request id, security and rate-limit headers, kept
/// idempotent answers) and then use the exchange.
void respond(const std::shared_ptr<http::Exchange>& exchange, http::Reply reply);
void stream_begin(const std::shared_ptr<http::Exchange>& exchange, int status, http::Headers headers);
/// respond() without keeping the reply.
void send(const std::shared_ptr<http::Exchange>& exchange, http::Reply reply);

using Handler = std::function<void(const std::shared_ptr<http::Exchange>&)>;

struct Route {
  std::string owner;  ///< "kernel" or the plugin's id
  http::Method method;
  std::string pattern;  ///< below the base: "/users/{id}"
  std::vector<std::string> access;
  Runs runs = Runs::pool;
  Body body = Body::none;
  bool write = false;
  bool at_root = false;  ///< also answers without the /api/v1 base
  nlohmann::json declaration;
  Handler handler;
  std::function<std::shared_ptr<http::WebSocketHandler>(const std::shared_ptr<http::Exchange>&)> websocket;
  std::shared_ptr<void> lease;  ///< keeps the owner loaded while the route or a request of it lives

  /// Reads an ABI declaration; throws std::invalid_argument naming the fault.
  static Route from_declaration(std::string owner, const nlohmann::json& declaration);
};

/// Routes in effect: replaced whole. Looked up without a lock.
class Table {
 public:
  Table();
  ~Table();
  /// Replaces every route of an owner (an empty list removes them). Throws std::invalid_argument on a clash.
  void replace(const std::string& owner, std::vector<Route> routes);

  struct Match {
    std::shared_ptr<const Route> route;  ///< null: no such path, or not with this method
    std::vector<std::pair<std::string, std::string>> path;
    std::string allow;  ///< for 405 and OPTIONS; empty: no such path
  };
  /// path: percent-encoded, with or without a trailing slash; without the base only routes with at_root match.
  Match find(http::Method method, std::string_view path) const;
  std::vector<std::shared_ptr<const Route>> all() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kernel::routing
