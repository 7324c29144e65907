#pragma once
// The face of the service kind "embedding.provider": method "embed" takes texts and answers a vector for each. Texts of
// one model lie near each other when they mean the same; vectors of two models cannot be compared, so whoever keeps
// vectors keeps the model's name with them. docs/extension-kinds/embedding-provider.md
#include <atrium/plugin.hpp>

namespace atrium::embedding {

inline constexpr std::string_view provider_kind = "embedding.provider";

/// The metadata.
struct ProviderInfo {
  std::string summary{}, model{};
  bool configured = true;  ///< false: it would refuse
  static constexpr auto members =
      atrium::members(member("summary", &ProviderInfo::summary), member("model", &ProviderInfo::model),
                      member("configured", &ProviderInfo::configured));
};

struct EmbedRequest {
  std::vector<std::string> texts{};
  static constexpr auto members =
      atrium::members(member("texts", &EmbedRequest::texts).items(1, 256).length(1, 100'000).required());
};

struct EmbedAnswer {
  std::string model{};
  std::vector<std::vector<double>> vectors{};  ///< in the order of the texts, all of one length
  std::int64_t tokens = 0;                     ///< 0: the provider does not say

  Json json() const { return {{"model", model}, {"vectors", vectors}, {"tokens", tokens}}; }
  /// Throws 503 unless it answers that many texts with vectors of one length.
  static EmbedAnswer from(const Json& json, std::size_t texts) {
    EmbedAnswer answer;
    try {
      json.at("model").get_to(answer.model);
      json.at("vectors").get_to(answer.vectors);
      answer.tokens = json.value("tokens", std::int64_t{0});
    } catch (const Json::exception&) {
      answer.vectors.clear();
    }
    const auto fits = [&](const auto& vector) {
      return !vector.empty() && vector.size() == answer.vectors.front().size();
    };
    if (answer.vectors.size() != texts || !std::all_of(answer.vectors.begin(), answer.vectors.end(), fits))
      throw unavailable("The embedding provider did not answer a vector for each text.");
    return answer;
  }
};

/// What a provider's function gets.
struct Embed {
  Call call;
  EmbedRequest request;
};

/// In start(). embed: EmbedAnswer(const Embed&) or Async<EmbedAnswer>(Embed).
template <class F>
Provided& provide_provider(Plugin& plugin, const std::string& name, const ProviderInfo& info, F embed) {
  return plugin.provide(std::string(provider_kind) + "/" + name, as_json(info))
      .on_typed(
          "embed",
          [](Call call) {
            auto request = call.arguments<EmbedRequest>();
            return Embed{std::move(call), std::move(request)};
          },
          std::move(embed));
}

/// The asking side. Awaitable; throws what the provider throws.
inline Async<EmbedAnswer> embed(const Services& services, std::string provider, EmbedRequest request,
                                CallOptions options = {}) {
  const std::size_t texts = request.texts.size();
  const Json arguments = as_json(request);
  auto calling = services.call(std::string(provider_kind) + "/" + provider, "embed", arguments, std::move(options));
  const Json answer = co_await calling;
  co_return EmbedAnswer::from(answer, texts);
}

/// So that a typed method can answer it.
inline Json as_json(const EmbedAnswer& answer) { return answer.json(); }

}  // namespace atrium::embedding
