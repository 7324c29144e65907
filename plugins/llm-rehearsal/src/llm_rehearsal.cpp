#include "script.hpp"

namespace rehearsal {

/// Streams word by word; `delay_ms` in its configuration is the pause between two words.
class Rehearsal final : public atrium::Plugin {
 public:
  void start() override {
    delay_ = std::chrono::milliseconds(
        std::clamp<std::int64_t>(configuration().value("delay_ms", std::int64_t{0}), 0, 60'000));
    provide("llm.provider/rehearsal", {{"summary", "No model: plays a script, offline and free"},
                                       {"default_model", "rehearsal"},
                                       {"configured", true},
                                       {"rehearsal", true}})
        .on("chat", [this](atrium::Call call) -> atrium::Async<atrium::Json> { return chat(std::move(call)); });
  }

 private:
  atrium::Async<atrium::Json> chat(atrium::Call call) {
    const auto answer = next(call.arguments<atrium::llm::ChatRequest>());
    for (std::size_t at = 0; at < answer.content.size();) {
      const auto space = answer.content.find(' ', at);
      const auto end = space == std::string::npos ? answer.content.size() : space + 1;
      if (!call.emit({{"text", answer.content.substr(at, end - at)}}))
        throw atrium::problem_for(ATRIUM_E_CANCELLED, "Nobody waits any more.");
      at = end;
      if (delay_.count() > 0) {
        auto pause = sleep(delay_, call.cancellation());
        co_await pause;
      }
    }
    co_return atrium::llm::as_json(answer);
  }
  std::chrono::milliseconds delay_{0};
};

}  // namespace rehearsal

ATRIUM_PLUGIN(rehearsal::Rehearsal)
