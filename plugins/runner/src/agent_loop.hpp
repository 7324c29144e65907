#pragma once
// The agent loop: ask the model, use the tools it wants, until it answers; every step stored before the next begins.
#include "step.hpp"

namespace runner {

struct Limits {
  std::int64_t max_steps = 50;
  std::size_t max_tool_result = 64 * 1024;  ///< bytes shown to the model
  std::chrono::milliseconds llm_timeout{600'000}, tool_timeout{300'000};
};

/// The work on one claimed task. Whatever dies when, a later loop on the same attempt goes on at the step this was in:
/// steps that are done are not repeated, a writing tool that had begun is told to the model as interrupted.
class AgentLoop {
 public:
  AgentLoop(const atrium::Store& store, const atrium::Services& services, atrium::Principal agent_principal,
            atrium::Json task, std::string lease, Limits limits, atrium::Cancellation cancellation);

  /// Ends when the task is completed. Throws the problem that ended it otherwise; 409: the lease is gone.
  atrium::Async<void> run();

 private:
  void resume();
  void show(const Step& step);
  std::string provider() const;
  atrium::llm::ChatRequest conversation() const;
  atrium::Async<bool> ask();  ///< true: it was the answer
  atrium::Async<void> use(atrium::llm::ToolUse use);
  std::string refusal(const atrium::llm::ToolUse& use, std::string_view risk) const;
  Step next_step(Kind kind) const;
  atrium::Json report(const atrium::Json& more) const;

  const atrium::Store& store_;
  const atrium::Services& services_;
  atrium::Principal principal_;
  atrium::Json task_, agent_;
  std::string lease_;
  Limits limits_;
  atrium::Cancellation cancellation_;
  std::vector<atrium::llm::ChatMessage> messages_;
  std::vector<atrium::llm::ToolUse> wanted_;  ///< tool uses of the last answer that are not done yet
  std::vector<Step> begun_;                   ///< tools that an earlier life began and did not end
  std::int64_t steps_ = 0, tokens_ = 0;
};

}  // namespace runner
