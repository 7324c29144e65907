#include "server.hpp"

#include <random>

namespace openai {

using atrium::Json;

namespace {

constexpr int most_tries = 6;
constexpr std::chrono::milliseconds longest_pause{60'000};

bool may_pass(int status) { return status == 408 || status == 409 || status == 429 || status >= 500; }

}  // namespace

bool is_worth_another(int tries, const atrium::Answer& answer, const atrium::Problem& failed) {
  return tries < most_tries && (answer.status == 0 ? failed.status >= 500 : may_pass(answer.status));
}

std::chrono::milliseconds pause_before(int next_try, const atrium::Answer& answer) {
  const auto read = [&](const char* name, double factor) -> std::optional<std::chrono::milliseconds> {
    const auto text = answer.header(name);
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc() || end != text.data() + text.size() || !(value >= 0)) return std::nullopt;
    return std::chrono::milliseconds(
        static_cast<std::int64_t>(std::min(value * factor, double(longest_pause.count()))));
  };
  if (const auto wish = read("retry-after-ms", 1)) return *wish;
  if (const auto wish = read("retry-after", 1000)) return *wish;
  thread_local std::minstd_rand random{std::random_device{}()};
  const auto full = 500LL << std::min(next_try, 5);
  return std::chrono::milliseconds(full / 2 +
                                   static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(full / 2)));
}

Server::Server(std::string base_url, std::string key, std::chrono::seconds timeout)
    : base_url_(std::move(base_url)), key_(std::move(key)), timeout_(timeout) {
  while (base_url_.ends_with('/')) base_url_.pop_back();
}

atrium::OutRequest Server::post(std::string_view path, std::string body) const {
  atrium::OutRequest out;
  out.method = "POST";
  out.url = base_url_;
  out.url.append(path);
  out.body = std::move(body);
  out.headers = {{"content-type", "application/json"}};
  if (!key_.empty()) out.headers.emplace_back("authorization", "Bearer " + key_);
  out.timeout = timeout_;
  out.idle_timeout = std::min<std::chrono::milliseconds>(timeout_, std::chrono::seconds(120));
  out.max_bytes = 64 << 20;
  out.operator_trusts = true;
  return out;
}

atrium::Problem Server::problem_of(int status, const std::string& body) const {
  const Json json = Json::parse(body, nullptr, false);
  std::string said;
  if (json.is_object() && json.contains("error"))
    said = json["error"].is_object() ? json["error"].value("message", "") : atrium::dump(json["error"]);
  const std::string where =
      base_url_ + " answered " + std::to_string(status) + (said.empty() ? "" : ": " + said.substr(0, 500));
  if (status == 401 || status == 403)
    return {422, "provider-key", "The language model's server refused the key",
            where + ". Set OPENAI_API_KEY to a valid key."};
  if (may_pass(status)) return {503, "provider-busy", "The language model is not available", where};
  return {422, "provider", "The language model's server refused the request", where};
}

}  // namespace openai
