#include "completion.hpp"
#include "embeddings.hpp"
#include "server.hpp"

namespace openai {

using atrium::Async;
using atrium::Json;

/// Configuration: base_url, default_model, timeout_seconds, prices = {"model" = {input = USD, output = USD}} for a
/// million tokens each; embedding_model, embedding_batch, embedding_dimensions. The key comes from OPENAI_API_KEY, the
/// address also from OPENAI_BASE_URL.
class OpenAi final : public atrium::Plugin {
 public:
  void start() override {
    const Json settings = configuration();
    const auto from_environment = environment("OPENAI_BASE_URL");
    const auto key = environment("OPENAI_API_KEY");
    server_ = Server(settings.value("base_url", from_environment.empty() ? std::string("https://api.openai.com/v1")
                                                                         : from_environment),
                     key, std::chrono::seconds(bounded(settings, "timeout_seconds", 600, 86'400)));
    default_model_ = settings.value("default_model", environment("OPENAI_MODEL"));
    if (default_model_.empty()) default_model_ = "gpt-4o-mini";
    const Json prices = settings.value("prices", Json::object());
    for (const auto& [model, price] : prices.items())
      prices_[model] = {price.value("input", 0.0), price.value("output", 0.0)};

    const bool configured = !key.empty() || !from_environment.empty() || settings.contains("base_url");
    atrium::llm::provide_provider(*this, "openai",
                                  {.summary = "OpenAI-compatible models at " + server_.base_url(),
                                   .default_model = default_model_,
                                   .configured = configured},
                                  [this](atrium::llm::Chat asked) { return chat(std::move(asked)); });
    provide_embeddings(settings);
  }

 private:
  static std::int64_t bounded(const Json& settings, const char* name, std::int64_t otherwise, std::int64_t most) {
    return std::clamp<std::int64_t>(settings.value(name, otherwise), 1, most);
  }

  /// Ready only where a model is named: texts leave the house, and cost money, only when somebody wants it.
  void provide_embeddings(const Json& settings) {
    embedding_model_ = settings.value("embedding_model", environment("OPENAI_EMBEDDING_MODEL"));
    embedding_batch_ = static_cast<std::size_t>(bounded(settings, "embedding_batch", 256, 256));
    if (settings.contains("embedding_dimensions"))
      embedding_dimensions_ = bounded(settings, "embedding_dimensions", 1, 1 << 16);
    auto model = embedding_model_;
    if (embedding_dimensions_) model.append("/").append(std::to_string(*embedding_dimensions_));
    atrium::embedding::provide_provider(*this, "openai",
                                        {.summary = "OpenAI-compatible embeddings at " + server_.base_url(),
                                         .model = model,
                                         .configured = !embedding_model_.empty()},
                                        [this](atrium::embedding::Embed asked) { return embed(std::move(asked)); });
  }

  Async<atrium::llm::ChatAnswer> chat(atrium::llm::Chat asked) {
    const auto& [call, request] = asked;
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
        if (answer.status == 200) co_return priced(completion.finish(), request.model.value_or(default_model_));
        failed = server_.problem_of(answer.status, refused);
      } catch (const atrium::Problem& problem) {
        failed = problem;
      }
      if (completion.has_begun() || !is_worth_another(tries, answer, *failed)) throw *failed;
      auto pause = sleep(pause_before(tries, answer), call.cancellation());
      co_await pause;
    }
  }

  atrium::OutRequest outgoing(const std::string& body, const atrium::Call& call, Completion& completion,
                              std::string& refused, std::exception_ptr& broken) const {
    auto out = server_.post("/chat/completions", body);
    out.headers.emplace_back("accept", "text/event-stream");
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

  /// In as many requests as the server's bound asks for, one after the other.
  Async<atrium::embedding::EmbedAnswer> embed(atrium::embedding::Embed asked) {
    const auto& [call, request] = asked;
    if (embedding_model_.empty())
      throw atrium::Problem(422, "provider", "No embedding model is chosen",
                            "Name one as embedding_model in [plugin.llm-openai], or in OPENAI_EMBEDDING_MODEL.");
    atrium::embedding::EmbedAnswer answer{embedding_model_, {}, 0};
    for (std::size_t at = 0; at < request.texts.size(); at += embedding_batch_) {
      const auto end = std::min(request.texts.size(), at + embedding_batch_);
      const std::vector<std::string> texts(request.texts.begin() + static_cast<std::ptrdiff_t>(at),
                                           request.texts.begin() + static_cast<std::ptrdiff_t>(end));
      auto asking = embed_batch(call, texts);
      auto some = co_await asking;
      answer.tokens += some.tokens;
      std::move(some.vectors.begin(), some.vectors.end(), std::back_inserter(answer.vectors));
    }
    co_return answer;
  }

  Async<atrium::embedding::EmbedAnswer> embed_batch(atrium::Call call, std::vector<std::string> texts) {
    const auto body = embeddings_body(texts, embedding_model_, embedding_dimensions_);
    for (int tries = 1;; ++tries) {
      if (call.cancelled()) throw atrium::problem_for(ATRIUM_E_CANCELLED, "Nobody waits for the answer any more.");
      atrium::Answer answer;
      std::optional<atrium::Problem> failed;
      try {
        auto out = server_.post("/embeddings", body);
        out.cancellation = call.cancellation();
        auto sending = fetch(std::move(out));
        answer = co_await sending;
        if (answer.status == 200) co_return embeddings_from(answer.body, texts.size(), embedding_model_);
        failed = server_.problem_of(answer.status, answer.body);
      } catch (const atrium::Problem& problem) {
        failed = problem;
      }
      if (!is_worth_another(tries, answer, *failed)) throw *failed;
      auto pause = sleep(pause_before(tries, answer), call.cancellation());
      co_await pause;
    }
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

  Server server_;
  std::string default_model_, embedding_model_;
  std::size_t embedding_batch_ = 256;
  std::optional<std::int64_t> embedding_dimensions_;
  std::map<std::string, Price> prices_;
};

}  // namespace openai

ATRIUM_PLUGIN(openai::OpenAi)
