#pragma once
// The WebSocket end of the event stream: its messages are in the API contract, "Event stream".
#include "auth/authenticator.hpp"
#include "routing/event_hub.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace kernel::routing {

/// What an event stream needs of the kernel.
struct EventParts {
  events::Log& log;
  jobs::Jobs& jobs;
  auth::Authenticator& authenticator;
  EventHub& hub;
  std::function<bool(const std::string& address)> address_allowed{};  ///< by the IP rules; null: all are

  /// Asked at every tick of a stream: its session or key counts, and its address is taken. Looks only into memory.
  bool may_go_on(const auth::Principal& who) const {
    return authenticator.still_valid(who) && (!address_allowed || address_allowed(who.address));
  }
};

namespace close_code {
constexpr std::uint16_t policy = 1008, unauthorized = 4401, too_slow = 4408;
}

class EventSocket final : public http::WebSocketHandler, public std::enable_shared_from_this<EventSocket> {
 public:
  static constexpr std::chrono::seconds auth_deadline{5};
  /// How long a replay waits for a client that reads nothing.
  static constexpr std::chrono::seconds drain_deadline{30};

  /// token: from the handshake, may be empty; principal: when the handshake itself was signed in.
  EventSocket(EventParts parts, std::string address, std::string token, auth::PrincipalPtr principal);

  void on_open(const std::shared_ptr<http::WebSocket>& socket) override;
  void on_text(std::string_view text) override;
  void on_close() override;
  void on_tick() override;

 private:
  enum class State : std::uint8_t { waits_for_token, checks_token, signed_in, closed };

  void check(std::string token);
  void signed_in(auth::PrincipalPtr principal);
  void receive(const nlohmann::json& message);
  void subscribe(const std::string& pattern);
  void resume(const nlohmann::json& message);
  void answer(const nlohmann::json& message);
  void complain(const std::string& detail);
  void end(std::uint16_t code, std::string_view reason);
  Follower::Sent send(EventFrame& frame, bool catching_up);
  void wait_for_drain(std::chrono::steady_clock::time_point since);

  EventParts parts_;
  const std::string address_;
  std::string token_;
  std::shared_ptr<http::WebSocket> socket_;
  std::shared_ptr<Follower> follower_;
  auth::PrincipalPtr principal_;
  State state_ = State::waits_for_token;
  std::vector<nlohmann::json> early_;  ///< messages that came while the token was checked
  int messages_ = 0;                   ///< since counted_since_, at most a second ago
  std::chrono::steady_clock::time_point counted_since_;
  std::chrono::steady_clock::time_point opened_;
};

}  // namespace kernel::routing
