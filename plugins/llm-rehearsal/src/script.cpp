#include "script.hpp"

#include <regex>

namespace rehearsal {
namespace {

using atrium::Json;
using atrium::llm::ChatAnswer;
using atrium::llm::ChatMessage;
using atrium::llm::ChatRequest;
using atrium::llm::ToolUse;

constexpr std::string_view notice = "This is a rehearsal: no language model was asked. ";

struct Wish {
  std::string tool;
  Json arguments;
};

std::string first_of(const ChatRequest& request, std::string_view role) {
  for (const auto& message : request.messages)
    if (message.role == role) return message.content;
  return {};
}

std::optional<Json> script_of(const std::string& system_prompt) {
  static constexpr std::string_view mark = "rehearsal-script:";
  const auto at = system_prompt.find(mark);
  if (at == std::string::npos) return std::nullopt;
  const auto end = system_prompt.find('\n', at);
  Json script = Json::parse(
      system_prompt.substr(at + mark.size(), end == std::string::npos ? end : end - at - mark.size()), nullptr, false);
  if (!script.is_array()) return std::nullopt;
  return script;
}

/// What the instructions call for, in the order of these rules.
std::vector<Wish> wishes_of(const std::string& instructions) {
  static const std::regex arithmetic(R"([(]*-?\d+(?:\.\d+)?[)]*(?:\s*[-+*/^]\s*[(]*-?\d+(?:\.\d+)?[)]*)+)");
  static const std::regex time(R"(\btime\b|\bclock\b|\bdate\b)", std::regex::icase);
  static const std::regex url(R"(https?://[^\s"'<>)]+)");
  static const std::regex channel(R"(#([A-Za-z0-9_-]{1,100}))");
  static const std::regex create(R"(create (?:a |another )?task(?: called| named| to)?[: ]+([^.\n]{1,200}))",
                                 std::regex::icase);
  std::vector<Wish> wishes;
  std::smatch found;
  if (instructions.size() > 20'000) return wishes;  // std::regex recurses; a rehearsal reads no books
  if (std::regex_search(instructions, found, arithmetic))
    wishes.push_back({"calculator", {{"expression", found.str()}}});
  if (std::regex_search(instructions, time)) wishes.push_back({"current_time", Json::object()});
  if (std::regex_search(instructions, found, url)) wishes.push_back({"http_request", {{"url", found.str()}}});
  if (std::regex_search(instructions, found, create)) wishes.push_back({"task_create", {{"title", found[1].str()}}});
  if (std::regex_search(instructions, found, channel))
    wishes.push_back(
        {"message_send",
         {{"channel", found[1].str()}, {"subject", "From a rehearsal"}, {"body", instructions.substr(0, 500)}}});
  return wishes;
}

bool offered(const ChatRequest& request, const std::string& tool) {
  return std::any_of(request.tools.begin(), request.tools.end(), [&](const auto& t) { return t.name == tool; });
}

std::size_t uses_so_far(const ChatRequest& request) {
  std::size_t uses = 0;
  for (const auto& message : request.messages) uses += message.role == "tool";
  return uses;
}

ChatAnswer use(const std::string& tool, const Json& arguments, std::size_t number) {
  ChatAnswer answer;
  answer.content = "I use " + tool + ".";
  answer.finish_reason = "tool_calls";
  answer.tool_uses.push_back({"rehearsal-" + std::to_string(number + 1), tool, arguments});
  return answer;
}

ChatAnswer tell(const ChatRequest& request, const std::string& instructions) {
  ChatAnswer answer;
  answer.finish_reason = "stop";
  answer.content = notice;
  std::map<std::string, std::string> names;
  for (const auto& message : request.messages) {
    for (const auto& use : message.tool_uses) names[use.id] = use.name;
    if (message.role == "tool") answer.content += names[message.tool_use_id] + " gave " + message.content + ". ";
  }
  if (uses_so_far(request) == 0) answer.content += "It was told: " + instructions.substr(0, 200);
  while (!answer.content.empty() && answer.content.back() == ' ') answer.content.pop_back();
  return answer;
}

ChatAnswer play(const ChatRequest& request, const Json& script) {
  std::size_t turn = 0;
  for (const auto& message : request.messages) turn += message.role == "assistant";
  if (turn >= script.size()) return tell(request, {});
  const Json& line = script[turn];
  if (line.is_object() && line.contains("tool"))
    return use(line.value("tool", ""), line.value("arguments", Json::object()), turn);
  ChatAnswer answer;
  answer.finish_reason = "stop";
  answer.content = std::string(notice) + (line.is_object() ? line.value("say", "") : atrium::dump(line));
  return answer;
}

/// About four characters a token, as a rule of thumb; a rehearsal has no tokenizer.
std::int64_t about_tokens(std::size_t characters) { return static_cast<std::int64_t>((characters + 3) / 4); }

}  // namespace

ChatAnswer next(const ChatRequest& request) {
  const auto instructions = first_of(request, "user");
  ChatAnswer answer;
  if (const auto script = script_of(first_of(request, "system"))) {
    answer = play(request, *script);
  } else {
    std::vector<Wish> wishes = wishes_of(instructions);
    std::erase_if(wishes, [&](const Wish& wish) { return !offered(request, wish.tool); });
    const auto used = uses_so_far(request);
    answer = used < wishes.size() ? use(wishes[used].tool, wishes[used].arguments, used) : tell(request, instructions);
  }
  std::size_t read = 0;
  for (const auto& message : request.messages) read += message.content.size();
  answer.model = "rehearsal";
  answer.input_tokens = about_tokens(read);
  answer.output_tokens = std::max<std::int64_t>(1, about_tokens(answer.content.size()));
  answer.is_priced = true;  // it is free
  return answer;
}

}  // namespace rehearsal
