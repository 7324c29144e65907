#include "egress/connector.hpp"

#include <atrium/abi.h>
#include <atrium/grants.hpp>

#include <algorithm>
#include <utility>

namespace kernel::egress {

std::optional<std::string> refused(const Hosts& hosts, std::string_view host) {
  if (!hosts || atrium::grants::any(*hosts, atrium::grants::host, host)) return std::nullopt;
  return std::string(host) + " is not among the hosts that plugin.json lists under \"egress\"";
}

Connector::Connector(Core& core, Target target, Handlers handlers)
    : core_(core), target_(std::move(target)), handlers_(std::move(handlers)), timer_(core.io) {}

void Connector::start(Clock::time_point until) {
  until_ = until;
  attempt_until_ = Clock::time_point::max();
  arm();
  if (const auto why = refused(target_.hosts, target_.host)) return fail(ATRIUM_E_DENIED, *why);
  if (target_.numeric) return on_resolved({{boost::asio::ip::make_address(target_.host)}, {}});
  core_.resolver->resolve(target_.host,
                          [weak = weak_from_this(), core = core_.weak_from_this()](const Resolved& resolved) {
                            const auto alive = core.lock();
                            if (!alive) return;
                            boost::asio::post(alive->io, [weak, resolved] {
                              if (const auto self = weak.lock()) self->on_resolved(resolved);
                            });
                          });
}

void Connector::stop() {
  over_ = true;
  timer_.cancel();
  socket_.reset();
  handlers_ = {};
}

void Connector::on_resolved(const Resolved& resolved) {
  if (over_) return;
  const auto self = shared_from_this();  // what the handlers begin may replace this connector
  if (!resolved.failure.empty())
    return fail(ATRIUM_E_UNAVAILABLE, "cannot look up " + target_.host + ": " + resolved.failure);
  std::string why;
  const auto rules = core_.rules();
  for (const auto& address : resolved.addresses) {
    if (rules->allowed(address, target_.trust, &why)) candidates_.push_back(address);
  }
  if (candidates_.empty()) return fail(ATRIUM_E_DENIED, "refused to connect to " + target_.host + ": " + why);
  const auto resolved_by = std::move(handlers_.resolved);
  if (resolved_by && !resolved_by(candidates_)) return stop();
  connect_next();
}

void Connector::connect_next() {
  if (next_ >= candidates_.size())
    return fail(ATRIUM_E_UNAVAILABLE, "cannot connect to " + target_.where() + ": " + last_failure_);
  const auto left = static_cast<long>(candidates_.size() - next_);
  const auto& address = candidates_[next_++];
  socket_.emplace(core_.io);
  attempt_until_ = Clock::now() + (until_ - Clock::now()) / left;  // a dead address leaves time for the others
  arm();
  socket_->async_connect({address, target_.port}, [self = shared_from_this(), mine = ++attempt_,
                                                   &address](const boost::system::error_code& error) {
    if (self->over_ || mine != self->attempt_) return;
    if (error) {
      self->last_failure_ = error.message();
      return self->connect_next();
    }
    const auto connected = std::move(self->handlers_.connected);
    auto socket = std::move(*self->socket_);
    self->stop();
    connected(std::move(socket), address);
  });
}

void Connector::arm() {
  timer_.expires_at(std::min(until_, attempt_until_));
  timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
    const auto self = weak.lock();
    if (!error && self && !self->over_) self->on_time();
  });
}

void Connector::on_time() {
  const auto now = Clock::now();
  if (now >= until_ || next_ >= candidates_.size())
    return fail(ATRIUM_E_TIMEOUT, "no connection within connect_timeout at " + target_.where());
  last_failure_ = "no answer in time";
  connect_next();
}

void Connector::fail(std::int32_t status, const std::string& why) {
  const auto failed = std::move(handlers_.failed);
  stop();
  failed(status, why);
}

}  // namespace kernel::egress
