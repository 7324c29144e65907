#include "completion.hpp"

#include <random>

namespace openai {

using atrium::Async;
using atrium::Json;

namespace {

constexpr int most_tries = 6;
constexpr std::chrono::milliseconds longest_pause{60'000};

bool may_pass(int status) { return status == 408 || status == 409 || status == 429 || status >= 500; }

/// What the server asks for, else exponential with jitter.
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

}  // namespace

/// Configuration: base_url, default_model, timeout_seconds, prices = {"model" = {input = USD, output = USD}} for a
/// million tokens each. The key comes from OPENAI_API_KEY, the address also from OPENAI_BASE_URL.
class OpenAi final : public atrium::Plugin {
 public:
  void start() override {
    const Json settings = configuration();
    const auto from_environment = environment("OPENAI_BASE_URL");
    base_url_ = settings.value("base_url",
                               from_environment.empty() ? std::string("https://api.openai.com/v1") : from_environment);
    while (base_url_.ends_with('/')) base_url_.pop_back();
    key_ = environment("OPENAI_API_KEY");
    default_model_ = settings.value("default_model", environment("OPENAI_MODEL"));
    if (default_model_.empty()) default_model_ = "gpt-4o-mini";
    timeout_ =
        std::chrono::seconds(std::clamp<std::int64_t>(settings.value("timeout_seconds", std::int64_t{600}), 1, 86'400));
    const Json prices = settings.value("prices", Json::object());
    for (const auto& [model, price] : prices.items())
      prices_[model] = {price.value("input", 0.0), price.value("output", 0.0)};

    const bool configured = !key_.empty() || !from_environment.empty() || settings.contains("base_url");
    provide("llm.provider/openai", {{"summary", "OpenAI-compatible models at " + base_url_},
                                    {"default_model", default_model_},
                                    {"configured", configured},
                                    {"rehearsal", false}})
        .on("chat", [this](atrium::Call call) -> Async<Json> { return chat(std::move(call)); });
  }

 private:
  Async<Json> chat(atrium::Call call) {
    const auto request = call.arguments<atrium::llm::ChatRequest>();
    const std::string body = request_body(request, default_model_);
    for (int tries = 1;; ++tries) {
      if (call.cancelled()) throw atrium::problem_for(ATRIUM_E_CANCELLED, "Nobody waits for the answer any more.");
      Completion completion;
      std::string refused;  // the body of an answer that is no success
      std::exception_ptr broken;
      atrium::Answer answer;
      std::optional<atrium::Problem> failed;
      try {
        auto sending = fetch(outgoing(body, call, completion, refused, broken));
        answer = co_await sending;
        if (broken) std::rethrow_exception(broken);
        if (answer.status == 200)
          co_return atrium::llm::as_json(priced(completion.finish(), request.model.value_or(default_model_)));
        failed = problem_of(answer.status, refused);
      } catch (const atrium::Problem& problem) {
        failed = problem;
      }
      const bool retry = tries < most_tries && !completion.has_begun() &&
                         (answer.status == 0 ? failed->status >= 500 : may_pass(answer.status));
      if (!retry) throw *failed;
      auto pause = sleep(pause_before(tries, answer), call.cancellation());
      co_await pause;
    }
  }

  atrium::OutRequest outgoing(const std::string& body, const atrium::Call& call, Completion& completion,
                              std::string& refused, std::exception_ptr& broken) const {
    atrium::OutRequest out;
    out.method = "POST";
    out.url = base_url_ + "/chat/completions";
    out.body = body;
    out.headers = {{"content-type", "application/json"}, {"accept", "text/event-stream"}};
    if (!key_.empty()) out.headers.emplace_back("authorization", "Bearer " + key_);
    out.timeout = timeout_;
    out.idle_timeout = std::min<std::chrono::milliseconds>(timeout_, std::chrono::seconds(120));
    out.max_bytes = 64 << 20;
    out.operator_trusts = true;
    out.cancellation = call.cancellation();
    auto status = std::make_shared<int>(0);
    out.on_head = [status](int s) { *status = s; };
    out.on_data = [&completion, &refused, &broken, call, status](std::string_view piece) {
      if (*status != 200) {
        refused.append(piece.substr(0, 64 * 1024 - std::min<std::size_t>(refused.size(), 64 * 1024)));
        return true;
      }
      try {
        const auto text = completion.feed(piece);
        return text.empty() || call.emit({{"text", text}});
      } catch (...) {
        broken = std::current_exception();
        return false;
      }
    };
    return out;
  }

  atrium::Problem problem_of(int status, const std::string& body) const {
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

  /// By the model that answered, else by the name it was asked for under.
  atrium::llm::ChatAnswer priced(atrium::llm::ChatAnswer answer, const std::string& asked_for) const {
    auto price = prices_.find(answer.model);
    if (price == prices_.end()) price = prices_.find(asked_for);
    if (price == prices_.end()) return answer;
    answer.is_priced = true;
    answer.cost_usd = cost(price->second, answer.input_tokens, answer.output_tokens);
    return answer;
  }

  std::string base_url_, key_, default_model_;
  std::chrono::seconds timeout_{600};
  std::map<std::string, Price> prices_;
};

}  // namespace openai

ATRIUM_PLUGIN(openai::OpenAi)
