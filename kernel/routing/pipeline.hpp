#pragma once
// Every request's way: id, address, limits, route, who is asking, may they, body rules, handler, reply.
#include "auth/authenticator.hpp"
#include "jobs/jobs.hpp"
#include "observability/metrics.hpp"
#include "routing/access.hpp"
#include "routing/address.hpp"
#include "routing/idempotency.hpp"
#include "routing/rate_limit.hpp"
#include "routing/reply_headers.hpp"

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace kernel::routing {

struct PipelineOptions {
  std::vector<std::string> trusted_proxies;  ///< CIDRs whose X-Forwarded-For is believed
  std::vector<std::string> cors_origins;     ///< none: no cross-origin access
  bool tls = false;                          ///< this kernel ends TLS
  std::int64_t max_body = 1 << 20;           ///< bytes of a JSON body
  std::int64_t max_upload = 512 << 20;       ///< bytes of a streamed body
  std::int64_t requests_per_address = 120'000, requests_per_principal = 60'000;  ///< in a window; 0: no limit
  std::chrono::seconds rate_window{60};
  std::string idempotency_key;  ///< 32 bytes
  /// IP rules, asked before anything else of a request is looked at; must not wait. Null: every address.
  std::function<bool(const std::string& address)> address_allowed;
};

struct PipelineParts {
  const Table& table;
  auth::Authenticator& authenticator;
  jobs::Jobs& jobs;
  storage::Database& database;
  observability::Metrics& metrics;
};

class Pipeline final : public http::Dispatcher {
 public:
  /// Throws std::invalid_argument for options that make no sense, naming them.
  Pipeline(PipelineParts parts, PipelineOptions options);

  http::HeadDecision on_head(const std::shared_ptr<http::Exchange>& exchange) override;
  void handle(const std::shared_ptr<http::Exchange>& exchange) override;
  http::Reply refusal(int status, std::string_view detail, const http::RequestHead* head_or_null) override;
  void on_replied(http::Exchange& exchange, int status, std::size_t body_bytes) override;

  /// Requests in a window, 0: no limit. In effect from the next request on; what was used still counts. Thread-safe.
  void set_rate_limits(std::int64_t per_address, std::int64_t per_principal);

 private:
  using ExchangePtr = std::shared_ptr<http::Exchange>;
  using Fault = std::optional<atrium::Problem>;

  ContextPtr begin(const ExchangePtr& exchange) const;
  Fault admit(Context& context);
  Fault find_route(const http::RequestHead& head, Context& context, std::string& allow) const;
  Fault identify(const http::RequestHead& head, Context& context, bool may_wait);
  Fault judge(const http::RequestHead& head, Context& context);
  http::HeadDecision refuse(const http::RequestHead& head, const Context& context,
                            const atrium::Problem& problem) const;
  http::HeadDecision answer_options(const http::RequestHead& head, Context& context, const std::string& allow) const;
  http::HeadDecision accept(const ExchangePtr& exchange, const Context& context) const;

  void finish_lookup(const ExchangePtr& exchange);
  void run(const ExchangePtr& exchange);
  void post(const ExchangePtr& exchange, std::function<void()> work);
  void call_handler(const ExchangePtr& exchange) const;

  PipelineParts parts_;
  const PipelineOptions options_;
  const BodyLimits limits_;
  std::vector<Cidr> trusted_proxies_;
  Cors cors_;
  RateLimit by_address_, by_principal_;
  std::mutex changing_rates_;
  std::deque<std::string> rate_policies_;  ///< one for each change; a request may still be reading an older one
  std::atomic<const std::string*> rate_policy_ = nullptr;
  Idempotency idempotency_;
};

}  // namespace kernel::routing
