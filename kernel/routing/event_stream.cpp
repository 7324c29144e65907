#include "routing/event_stream.hpp"

#include <atrium/problem.hpp>

#include <atomic>
#include <charconv>
#include <chrono>
#include <mutex>
#include <optional>
#include <vector>

namespace kernel::routing {

namespace {

using namespace std::chrono_literals;

constexpr auto tick_period = 500ms;  // a session that ended, also on another node, is noticed within a second
constexpr int ticks_between_heartbeats = 15s / tick_period;
constexpr int ticks_until_too_slow = 30s / tick_period;

/// One client: lives as long as its ticker, which ends with the client or its session.
class Stream : public std::enable_shared_from_this<Stream> {
 public:
  Stream(EventParts parts, std::shared_ptr<http::Exchange> exchange, auth::PrincipalPtr principal)
      : parts_(parts), exchange_(std::move(exchange)), principal_(std::move(principal)) {}

  void start(const std::vector<std::string>& patterns, std::optional<std::int64_t> after) {
    follower_ = std::make_shared<Follower>(parts_.log, parts_.jobs, principal_,
                                           [weak = weak_from_this()](EventFrame& frame, bool) {
                                             const auto self = weak.lock();
                                             return self ? self->send(frame.server_sent()) : Follower::Sent::gone;
                                           });
    for (const auto& pattern : patterns) follower_->follow(pattern);
    exchange_->on_cancel([weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->end();
    });
    http::Headers headers;
    headers.add("content-type", "text/event-stream");
    headers.add("cache-control", "no-store");
    headers.add("x-accel-buffering", "no");
    stream_begin(exchange_, 200, std::move(headers));
    send(": the event stream\n\n");
    parts_.hub.add(follower_);
    if (after) follower_->replay(*after);
    schedule_tick();
  }

 private:
  Follower::Sent send(std::string text) {
    if (exchange_->cancelled()) return Follower::Sent::gone;
    const bool more = exchange_->stream_write(std::move(text), [weak = weak_from_this()] {
      const auto self = weak.lock();
      if (!self) return;
      self->lagging_ = false;
      self->follower_->go_on();
    });
    if (more) return Follower::Sent::yes;
    lagging_ = true;
    return Follower::Sent::pause;
  }

  void schedule_tick() {
    parts_.jobs.after(tick_period, [self = shared_from_this()] { self->tick(); });
  }

  void tick() {
    if (ended_) return;
    ticks_lagging_ = lagging_ ? ticks_lagging_ + 1 : 0;
    if (exchange_->cancelled() || !parts_.may_go_on(*principal_) || ticks_lagging_ >= ticks_until_too_slow)
      return end();
    // A heartbeat shows proxies and the client that the stream lives; a lagging client has enough to read.
    if (++ticks_ % ticks_between_heartbeats == 0 && !lagging_) exchange_->stream_write(": still here\n\n", [] {});
    schedule_tick();
  }

  void end() {
    if (ended_.exchange(true)) return;
    parts_.hub.remove(follower_);
    exchange_->stream_end();
  }

  EventParts parts_;
  const std::shared_ptr<http::Exchange> exchange_;
  const auth::PrincipalPtr principal_;
  std::shared_ptr<Follower> follower_;
  std::atomic<bool> ended_{false}, lagging_{false};
  int ticks_ = 0, ticks_lagging_ = 0;
};

std::vector<std::string> patterns_of(const Context& context) {
  std::vector<std::string> patterns;
  for (const auto& [name, value] : context.query) {
    if (name != "event") continue;
    if (!events::valid_pattern(value))
      throw atrium::invalid("?event", "must be an event type, a prefix such as task.*, or *");
    if (patterns.size() == Follower::max_patterns) throw atrium::invalid("?event", "too many patterns");
    patterns.push_back(value);
  }
  if (patterns.empty()) patterns.emplace_back("*");
  return patterns;
}

std::optional<std::int64_t> resume_point(events::Log& log, const http::RequestHead& head) {
  const auto* text = head.headers.find("last-event-id");
  if (!text || text->empty()) return std::nullopt;
  std::int64_t after = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), after);
  if (error != std::errc{} || end != text->data() + text->size() || after < 0)
    throw atrium::invalid("Last-Event-ID", "must be the id of an event");
  if (const auto oldest = log.oldest(); after + 1 < oldest || after > log.newest())
    throw atrium::Problem(410, "resume-gap", "Events after that one are gone",
                          "The oldest is " + std::to_string(oldest) + "; connect without Last-Event-ID.");
  return after;
}

}  // namespace

void serve_event_stream(const EventParts& parts, const std::shared_ptr<http::Exchange>& exchange) {
  const auto context = context_of(*exchange);
  const auto patterns = patterns_of(*context);
  const auto after = resume_point(parts.log, exchange->head());
  std::make_shared<Stream>(parts, exchange, context->principal)->start(patterns, after);
}

}  // namespace kernel::routing
