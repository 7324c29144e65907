#pragma once
// An event as clients see it, put into text once however many receive it.
#include "events/log.hpp"
#include "http/exchange.hpp"

#include <memory>

namespace kernel::routing {

/// Not thread-safe: each thread that sends events makes its own.
class EventFrame {
 public:
  explicit EventFrame(events::EventPtr event) : event_(std::move(event)) {}

  const events::Event& event() const { return *event_; }
  /// The WebSocket frame of {"type", "id", "time", "data"}.
  const std::shared_ptr<const std::string>& websocket();
  /// The same object as one Server-Sent Event, its id the sequence.
  const std::string& server_sent();

 private:
  std::string json() const;

  events::EventPtr event_;
  std::shared_ptr<const std::string> websocket_;
  std::string server_sent_;
};

}  // namespace kernel::routing
