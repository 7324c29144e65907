#include "routing/event_socket.hpp"

#include <charconv>
#include <optional>
#include <variant>

namespace kernel::routing {

namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr std::size_t max_early = 70;
constexpr int max_messages_a_second = 200;
// A replay waits while the client has this much to read; far below the bound at which it is dropped.
constexpr std::size_t replay_backlog = 512 * 1024;
constexpr auto replay_pause = 20ms;
// The scopes of the same stream as Server-Sent Events.
constexpr auth::Operation follow_events{"GET", "/events", false};

std::string text_member(const json& message, const char* name) {
  const auto found = message.find(name);
  return found != message.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::optional<std::int64_t> sequence(const json& message) {
  const auto text = text_member(message, "after");
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

}  // namespace

EventSocket::EventSocket(EventParts parts, std::string address, std::string token, auth::PrincipalPtr principal)
    : parts_(parts), address_(std::move(address)), token_(std::move(token)), principal_(std::move(principal)) {}

void EventSocket::on_open(const std::shared_ptr<http::WebSocket>& socket) {
  socket_ = socket;
  opened_ = std::chrono::steady_clock::now();
  if (principal_) return signed_in(principal_);
  if (!token_.empty()) check(std::move(token_));
}

void EventSocket::check(std::string token) {
  state_ = State::checks_token;
  const bool posted = parts_.jobs.post([self = shared_from_this(), token = std::move(token)] {
    auth::PrincipalPtr principal;
    const auto outcome = self->parts_.authenticator.authenticate_token(token, self->address_);
    if (const auto* found = std::get_if<auth::PrincipalPtr>(&outcome)) principal = *found;
    self->socket_->post([self, principal = std::move(principal)] { self->signed_in(principal); });
  });
  if (!posted) end(1013, "try again later");
}

void EventSocket::signed_in(auth::PrincipalPtr principal) {
  if (state_ == State::closed) return;
  if (!principal || principal->kind != "user") return end(close_code::unauthorized, "not signed in");
  if (principal->must_set_up_mfa) return end(close_code::unauthorized, "set up multi-factor authentication first");
  if (principal->scopes && !auth::cover(*principal->scopes, follow_events))
    return end(close_code::unauthorized, "the API key lacks the scope events:read");
  principal_ = std::move(principal);
  state_ = State::signed_in;
  follower_ = std::make_shared<Follower>(parts_.log, parts_.jobs, principal_,
                                         [weak = weak_from_this()](EventFrame& frame, bool catching_up) {
                                           const auto self = weak.lock();
                                           return self ? self->send(frame, catching_up) : Follower::Sent::gone;
                                         });
  parts_.hub.add(follower_);
  for (const auto& message : std::exchange(early_, {})) receive(message);
}

// Live events are never held back: a client that does not drain them is closed by the front. A replay is, because it
// could fill any buffer.
Follower::Sent EventSocket::send(EventFrame& frame, bool catching_up) {
  if (!socket_->send_frame(frame.websocket())) return Follower::Sent::gone;
  if (!catching_up || socket_->backlog() < replay_backlog) return Follower::Sent::yes;
  wait_for_drain(std::chrono::steady_clock::now());
  return Follower::Sent::pause;
}

void EventSocket::wait_for_drain(std::chrono::steady_clock::time_point since) {
  parts_.jobs.after(replay_pause, [weak = weak_from_this(), since] {
    const auto self = weak.lock();
    if (!self) return;
    if (self->socket_->backlog() < replay_backlog) return self->follower_->go_on();
    if (std::chrono::steady_clock::now() - since < drain_deadline) return self->wait_for_drain(since);
    self->socket_->post([self] { self->end(close_code::too_slow, "too slow"); });
  });
}

void EventSocket::on_text(std::string_view text) {
  if (state_ == State::closed) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - counted_since_ >= std::chrono::seconds(1)) {
    counted_since_ = now;
    messages_ = 0;
  }
  if (++messages_ > max_messages_a_second) return end(close_code::policy, "too many messages");
  const auto message = json::parse(text, nullptr, false);
  if (state_ == State::waits_for_token) {
    const bool auth = message.is_object() && text_member(message, "type") == "auth";
    return auth ? check(text_member(message, "token")) : end(close_code::unauthorized, "not signed in");
  }
  if (!message.is_object()) return complain("A message must be a JSON object.");
  if (state_ == State::signed_in) return receive(message);
  if (early_.size() >= max_early) return end(close_code::policy, "too many messages");
  early_.push_back(message);
}

void EventSocket::receive(const json& message) {
  const auto type = text_member(message, "type");
  if (type == "ping") return answer({{"type", "pong"}});
  if (type == "resume") return resume(message);
  if (type == "auth") return;
  if (type != "subscribe" && type != "unsubscribe")
    return complain("The type must be one of auth, ping, subscribe, unsubscribe, resume.");
  const auto pattern = text_member(message, "event");
  if (!events::valid_pattern(pattern)) return complain("'event' must be a type, a prefix such as task.*, or *.");
  if (type == "subscribe") return subscribe(pattern);
  follower_->unfollow(pattern);
  answer({{"type", "unsubscribed"}, {"event", pattern}});
}

void EventSocket::subscribe(const std::string& pattern) {
  const auto confirm = [&] { answer({{"type", "subscribed"}, {"event", pattern}}); };
  if (!follower_->follow(pattern, confirm))
    complain("At most " + std::to_string(Follower::max_patterns) + " subscriptions; use a wildcard.");
}

void EventSocket::resume(const json& message) {
  const auto after = sequence(message);
  if (!after) return complain("'after' must be the id of an event, as a text.");
  const bool posted = parts_.jobs.post([self = shared_from_this(), follower = follower_, after = *after] {
    const auto oldest = self->parts_.log.oldest(), newest = self->parts_.log.newest();
    if (after + 1 >= oldest && after <= newest) return follower->replay(after);
    self->answer({{"type", "resume_gap"}, {"oldest", std::to_string(oldest)}});
  });
  if (!posted) complain("Too busy to resume now; try again.");
}

void EventSocket::on_tick() {
  if (state_ == State::closed) return;
  if (state_ == State::signed_in) {
    if (!parts_.may_go_on(*principal_)) end(close_code::unauthorized, "the session has ended");
    return;
  }
  if (std::chrono::steady_clock::now() - opened_ >= auth_deadline) end(close_code::unauthorized, "not signed in");
}

void EventSocket::on_close() {
  state_ = State::closed;
  if (follower_) parts_.hub.remove(follower_);
}

void EventSocket::answer(const json& message) {
  socket_->send_frame(http::make_text_frame(message.dump(-1, ' ', false, json::error_handler_t::replace)));
}

void EventSocket::complain(const std::string& detail) { answer({{"type", "error"}, {"detail", detail}}); }

void EventSocket::end(std::uint16_t code, std::string_view reason) {
  state_ = State::closed;
  if (follower_) parts_.hub.remove(follower_);
  socket_->close(code, reason);
}

}  // namespace kernel::routing
