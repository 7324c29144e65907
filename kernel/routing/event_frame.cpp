#include "routing/event_frame.hpp"

#include <atrium/types.hpp>

#include <memory>

namespace kernel::routing {

// `data` is JSON already and is not parsed again; topics hold nothing that JSON would escape.
std::string EventFrame::json() const {
  std::string text;
  text.reserve(event_->data.size() + event_->topic.size() + 96);
  text.append(R"({"type":")").append(event_->topic);
  text.append(R"(","id":")").append(std::to_string(event_->sequence));
  text.append(R"(","time":")").append(atrium::Time{event_->time_us}.text());
  text.append(R"(","data":)").append(event_->data.empty() ? "null" : event_->data).append("}");
  return text;
}

const std::shared_ptr<const std::string>& EventFrame::websocket() {
  if (!websocket_) websocket_ = http::make_text_frame(json());
  return websocket_;
}

const std::string& EventFrame::server_sent() {
  if (!server_sent_.empty()) return server_sent_;
  server_sent_ = "id: " + std::to_string(event_->sequence) + "\nevent: " + event_->topic + "\ndata: ";
  for (const char c : json()) {
    if (c == '\r') continue;
    server_sent_ += c;
    if (c == '\n') server_sent_ += "data: ";
  }
  return server_sent_ += "\n\n";
}

}  // namespace kernel::routing
