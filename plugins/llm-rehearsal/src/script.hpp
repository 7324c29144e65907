#pragma once
// What the rehearsal says next: from a script in the system prompt, or by simple rules.
#include <atrium/llm.hpp>

namespace rehearsal {

/// The next answer to a conversation: the same conversation always gets the same answer.
///
/// A script is a line of the system prompt that begins with "rehearsal-script:" and goes on with a JSON array; its
/// entries are played one an answer: {"tool": name, "arguments": {...}} or {"say": text}. Without one, each tool that
/// the instructions call for is used once, and the results are then told.
atrium::llm::ChatAnswer next(const atrium::llm::ChatRequest& request);

}  // namespace rehearsal
