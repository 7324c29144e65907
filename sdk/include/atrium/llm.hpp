#pragma once
// The face of the service kind "llm.provider": method "chat" takes a ChatRequest, streams ChatPieces and answers a
// ChatAnswer. Metadata: {"summary", "default_model", "configured": bool, "rehearsal": bool}.
#include <atrium/plugin.hpp>

namespace atrium::llm {

struct ToolUse {
  std::string id, name;
  Json arguments = Json::object();
  static constexpr auto members = atrium::members(member("id", &ToolUse::id), member("name", &ToolUse::name).required(),
                                                  member("arguments", &ToolUse::arguments).length(0, 1 << 20));
};

/// role: "system", "user", "assistant" (which may use tools) or "tool" (the answer to the use of that id).
struct ChatMessage {
  std::string role, content, tool_use_id;
  std::vector<ToolUse> tool_uses;
  static constexpr auto members = atrium::members(
      member("role", &ChatMessage::role).required(), member("content", &ChatMessage::content).length(0, 4 << 20),
      member("tool_use_id", &ChatMessage::tool_use_id), member("tool_uses", &ChatMessage::tool_uses));
};

struct ToolDescription {
  std::string name, description;
  Json parameters = Json::object();  ///< JSON schema of the arguments
  static constexpr auto members = atrium::members(member("name", &ToolDescription::name).required(),
                                                  member("description", &ToolDescription::description),
                                                  member("parameters", &ToolDescription::parameters));
};

struct ChatRequest {
  std::optional<std::string> model;  ///< none: the provider's default
  std::vector<ChatMessage> messages;
  std::vector<ToolDescription> tools;
  std::optional<double> temperature;
  std::optional<std::int64_t> max_tokens;  ///< of this answer
  static constexpr auto members = atrium::members(
      member("model", &ChatRequest::model), member("messages", &ChatRequest::messages).items(1, 100'000).required(),
      member("tools", &ChatRequest::tools), member("temperature", &ChatRequest::temperature),
      member("max_tokens", &ChatRequest::max_tokens));
};

/// A piece of the answer's text as it comes.
struct ChatPiece {
  std::string text;
  static constexpr auto members = atrium::members(member("text", &ChatPiece::text).length(0, 4 << 20));
};

struct ChatAnswer {
  std::string model, content, finish_reason;
  std::vector<ToolUse> tool_uses;
  std::int64_t input_tokens = 0, output_tokens = 0;
  Money cost_usd;          ///< by the configured prices
  bool is_priced = false;  ///< false: the provider knows no price for this model
  static constexpr auto members = atrium::members(
      member("model", &ChatAnswer::model), member("content", &ChatAnswer::content).length(0, 4 << 20),
      member("finish_reason", &ChatAnswer::finish_reason), member("tool_uses", &ChatAnswer::tool_uses),
      member("input_tokens", &ChatAnswer::input_tokens), member("output_tokens", &ChatAnswer::output_tokens),
      member("cost_usd", &ChatAnswer::cost_usd), member("is_priced", &ChatAnswer::is_priced));
};

inline Json as_json(const Described auto& value) { return Json::parse(to_json(value)); }

}  // namespace atrium::llm
