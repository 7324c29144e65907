// A provider that is no model: it answers from the table [plugin.samples.answers] of the configuration, word by word.
#include "samples.hpp"

#include <atrium/llm.hpp>

namespace samples {

void Samples::add_llm_provider() {
  using namespace atrium::llm;
  const ProviderInfo info{.summary = "Answers from a list", .default_model = "canned", .rehearsal = true};
  provide_provider(
      *this, "canned", info, [answers = configuration().value("answers", atrium::Json::object())](const Chat& chat) {
        const auto& question = chat.request.messages.back().content;
        ChatAnswer answer{.model = "canned", .content = "I have no answer to that.", .finish_reason = "stop"};
        for (const auto& [phrase, said] : answers.items())
          if (question.find(phrase) != std::string::npos) answer.content = said.get<std::string>();
        for (std::size_t at = 0; at < answer.content.size();) {
          const auto end = std::min(answer.content.find(' ', at), answer.content.size() - 1) + 1;
          chat.say(std::string_view(answer.content).substr(at, end - at));
          at = end;
        }
        return answer;
      });
}

}  // namespace samples
