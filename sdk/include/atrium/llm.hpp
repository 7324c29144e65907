#pragma once
// The face of the service kind "llm.provider": method "chat" takes a ChatRequest, streams ChatPieces and answers a
// ChatAnswer. docs/extension-kinds/llm-provider.md
#include <atrium/plugin.hpp>

namespace atrium::llm {

inline constexpr std::string_view provider_kind = "llm.provider";

/// The metadata.
struct ProviderInfo {
  std::string summary{}, default_model{};
  bool configured = true;  ///< false: it lacks a key or an address, and would refuse
  bool rehearsal = false;  ///< no model: it plays a script
  static constexpr auto members =
      atrium::members(member("summary", &ProviderInfo::summary), member("default_model", &ProviderInfo::default_model),
                      member("configured", &ProviderInfo::configured), member("rehearsal", &ProviderInfo::rehearsal));
};

struct ToolUse {
  std::string id{}, name{};
  Json arguments = Json::object();
  static constexpr auto members = atrium::members(member("id", &ToolUse::id), member("name", &ToolUse::name).required(),
                                                  member("arguments", &ToolUse::arguments).length(0, 1 << 20));
};

/// role: "system", "user", "assistant" (which may use tools) or "tool" (the answer to the use of that id).
struct ChatMessage {
  std::string role{}, content{}, tool_use_id{};
  std::vector<ToolUse> tool_uses{};
  static constexpr auto members = atrium::members(
      member("role", &ChatMessage::role).required(), member("content", &ChatMessage::content).length(0, 4 << 20),
      member("tool_use_id", &ChatMessage::tool_use_id), member("tool_uses", &ChatMessage::tool_uses));
};

struct ToolDescription {
  std::string name{}, description{};
  Json parameters = Json::object();  ///< JSON schema of the arguments
  static constexpr auto members = atrium::members(member("name", &ToolDescription::name).required(),
                                                  member("description", &ToolDescription::description),
                                                  member("parameters", &ToolDescription::parameters));
};

struct ChatRequest {
  std::optional<std::string> model{};  ///< none: the provider's default
  std::vector<ChatMessage> messages{};
  std::vector<ToolDescription> tools{};
  std::optional<double> temperature{};
  std::optional<std::int64_t> max_tokens{};  ///< of this answer
  static constexpr auto members = atrium::members(
      member("model", &ChatRequest::model), member("messages", &ChatRequest::messages).items(1, 100'000).required(),
      member("tools", &ChatRequest::tools), member("temperature", &ChatRequest::temperature),
      member("max_tokens", &ChatRequest::max_tokens));
};

/// A piece of the answer's text as it comes.
struct ChatPiece {
  std::string text{};
  static constexpr auto members = atrium::members(member("text", &ChatPiece::text).length(0, 4 << 20));
};

struct ChatAnswer {
  std::string model{}, content{}, finish_reason{};
  std::vector<ToolUse> tool_uses{};
  std::int64_t input_tokens = 0, output_tokens = 0;
  Money cost_usd;          ///< by the configured prices
  bool is_priced = false;  ///< false: the provider knows no price for this model
  static constexpr auto members = atrium::members(
      member("model", &ChatAnswer::model), member("content", &ChatAnswer::content).length(0, 4 << 20),
      member("finish_reason", &ChatAnswer::finish_reason), member("tool_uses", &ChatAnswer::tool_uses),
      member("input_tokens", &ChatAnswer::input_tokens), member("output_tokens", &ChatAnswer::output_tokens),
      member("cost_usd", &ChatAnswer::cost_usd), member("is_priced", &ChatAnswer::is_priced));
};

using atrium::as_json;

/// What a provider's function gets.
struct Chat {
  Call call;
  ChatRequest request;
  /// A piece of the answer's text. Throws when nobody waits for it any more.
  void say(std::string_view text) const {
    if (!call.emit(as_json(ChatPiece{std::string(text)})))
      throw problem_for(ATRIUM_E_CANCELLED, "Nobody waits for the answer any more.");
  }
};

/// In start(). chat: ChatAnswer(const Chat&) or Async<ChatAnswer>(Chat).
template <class F>
Provided& provide_provider(Plugin& plugin, const std::string& name, const ProviderInfo& info, F chat) {
  return plugin.provide(std::string(provider_kind) + "/" + name, as_json(info))
      .on_typed(
          "chat",
          [](Call call) {
            auto request = call.arguments<ChatRequest>();
            return Chat{std::move(call), std::move(request)};
          },
          std::move(chat));
}

/// The asking side. Awaitable; throws what the provider throws. on_text: the answer's text as it comes.
inline Async<ChatAnswer> chat(const Services& services, std::string provider, ChatRequest request,
                              CallOptions options = {}, std::function<void(std::string_view)> on_text = {}) {
  if (on_text) options.on_piece = [on_text](const Json& piece) { on_text(from_message<ChatPiece>(piece).text); };
  const Json arguments = as_json(request);
  auto calling = services.call(std::string(provider_kind) + "/" + provider, "chat", arguments, std::move(options));
  const Json answer = co_await calling;
  co_return from_message<ChatAnswer>(answer);
}

}  // namespace atrium::llm
