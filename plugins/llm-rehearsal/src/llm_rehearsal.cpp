#include "script.hpp"

namespace rehearsal {

/// Streams word by word; `delay_ms` in its configuration is the pause between two words.
class Rehearsal final : public atrium::Plugin {
 public:
  void start() override {
    delay_ = std::chrono::milliseconds(
        std::clamp<std::int64_t>(configuration().value("delay_ms", std::int64_t{0}), 0, 60'000));
    atrium::llm::provide_provider(*this, "rehearsal",
                                  {.summary = "No model: plays a script, offline and free",
                                   .default_model = "rehearsal",
                                   .configured = true,
                                   .rehearsal = true},
                                  [this](atrium::llm::Chat asked) { return chat(std::move(asked)); });
  }

 private:
  atrium::Async<atrium::llm::ChatAnswer> chat(atrium::llm::Chat asked) {
    const auto answer = next(asked.request);
    for (std::size_t at = 0; at < answer.content.size();) {
      const auto space = answer.content.find(' ', at);
      const auto end = space == std::string::npos ? answer.content.size() : space + 1;
      asked.say(std::string_view(answer.content).substr(at, end - at));
      at = end;
      if (delay_.count() > 0) {
        auto pause = sleep(delay_, asked.call.cancellation());
        co_await pause;
      }
    }
    co_return answer;
  }
  std::chrono::milliseconds delay_{0};
};

}  // namespace rehearsal

ATRIUM_PLUGIN(rehearsal::Rehearsal)
