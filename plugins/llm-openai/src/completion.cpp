#include "completion.hpp"

#include <cmath>

namespace openai {

using atrium::Json;
using namespace atrium::llm;

namespace {

constexpr std::size_t longest_event = 4 << 20;

std::string string_in(const Json& json, const char* member) {
  const auto found = json.find(member);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Json as_theirs(const ChatMessage& message) {
  Json json{{"role", message.role}, {"content", message.content}};
  if (message.role == "tool") json["tool_call_id"] = message.tool_use_id;
  for (const auto& use : message.tool_uses)
    json["tool_calls"].push_back({{"id", use.id},
                                  {"type", "function"},
                                  {"function", {{"name", use.name}, {"arguments", atrium::dump(use.arguments)}}}});
  return json;
}

}  // namespace

std::string request_body(const ChatRequest& request, const std::string& default_model) {
  Json json{{"model", request.model.value_or(default_model)},
            {"stream", true},
            {"stream_options", {{"include_usage", true}}},
            {"messages", Json::array()}};
  for (const auto& message : request.messages) json["messages"].push_back(as_theirs(message));
  for (const auto& tool : request.tools)
    json["tools"].push_back(
        {{"type", "function"},
         {"function", {{"name", tool.name}, {"description", tool.description}, {"parameters", tool.parameters}}}});
  if (request.temperature) json["temperature"] = *request.temperature;
  if (request.max_tokens) json["max_tokens"] = *request.max_tokens;
  return atrium::dump(json);
}

std::string Completion::feed(std::string_view piece) {
  std::string text;
  buffer_.append(piece);
  std::size_t at = 0;
  for (std::size_t end; (end = buffer_.find('\n', at)) != std::string::npos; at = end + 1) {
    std::string_view line(buffer_.data() + at, end - at);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (!line.starts_with("data:")) continue;
    line.remove_prefix(5);
    if (line.starts_with(' ')) line.remove_prefix(1);
    try {
      chunk(line, text);
    } catch (const Json::exception&) {
      throw atrium::Problem(502, "provider", "The language model's server misbehaves",
                            "Its stream does not have the form of OpenAI's.");
    }
  }
  buffer_.erase(0, at);
  if (buffer_.size() > longest_event)
    throw atrium::Problem(502, "provider", "The language model's server misbehaves",
                          "One event of its stream is larger than 4 MiB.");
  return text;
}

void Completion::chunk(std::string_view data, std::string& text) {
  if (data == "[DONE]") return void(done_ = true);
  const Json json = Json::parse(data, nullptr, false);
  if (!json.is_object())
    throw atrium::Problem(502, "provider", "The language model's server misbehaves",
                          "Its stream holds what is no JSON.");
  if (const auto error = json.find("error"); error != json.end() && !error->is_null())
    throw atrium::Problem(502, "provider", "The language model's server reports an error",
                          error->is_object() ? string_in(*error, "message") : atrium::dump(*error));
  if (const auto model = string_in(json, "model"); !model.empty()) answer_.model = model;
  if (const auto usage = json.find("usage"); usage != json.end() && usage->is_object()) {
    answer_.input_tokens = usage->value("prompt_tokens", answer_.input_tokens);
    answer_.output_tokens = usage->value("completion_tokens", answer_.output_tokens);
  }
  const auto choices = json.find("choices");
  if (choices == json.end() || !choices->is_array() || choices->empty()) return;
  const Json& choice = choices->front();
  if (const auto reason = string_in(choice, "finish_reason"); !reason.empty()) {
    answer_.finish_reason = reason;
    done_ = true;
  }
  const auto delta = choice.find("delta");
  if (delta == choice.end() || !delta->is_object()) return;
  begun_ = true;
  if (const auto content = string_in(*delta, "content"); !content.empty()) {
    answer_.content += content;
    text += content;
  }
  const auto calls = delta->find("tool_calls");
  if (calls == delta->end() || !calls->is_array()) return;
  for (const auto& call : *calls) {
    auto& use = uses_[call.value("index", static_cast<std::int64_t>(uses_.size()))];
    if (const auto id = string_in(call, "id"); !id.empty()) use.id = id;
    const Json function = call.value("function", Json::object());
    use.name += string_in(function, "name");
    use.arguments += string_in(function, "arguments");
  }
}

ChatAnswer Completion::finish() {
  if (!done_)
    throw atrium::Problem(502, "provider", "The language model's answer was cut off",
                          "Its stream ended before the answer did.");
  for (auto& [index, use] : uses_) {
    Json arguments = use.arguments.empty() ? Json::object() : Json::parse(use.arguments, nullptr, false);
    if (!arguments.is_object())
      arguments = {{"not_json", use.arguments}};  // the tool refuses it, and the model is told
    answer_.tool_uses.push_back(
        {use.id.empty() ? "call_" + std::to_string(index) : use.id, use.name, std::move(arguments)});
  }
  return std::move(answer_);
}

atrium::Money cost(const Price& price, std::int64_t input_tokens, std::int64_t output_tokens) {
  // A price per million tokens in dollars is a price per token in micro-dollars.
  return {static_cast<std::int64_t>(std::llround(price.input * static_cast<double>(input_tokens) +
                                                 price.output * static_cast<double>(output_tokens)))};
}

}  // namespace openai
