#pragma once
// The face of the service kind "embedding.provider": method "embed" takes texts and answers a vector for each.
// Metadata:
// {"summary", "model", "configured": bool}. Texts of one model lie near each other when they mean the same; vectors of
// two models cannot be compared, so whoever keeps vectors keeps the model's name with them.
#include <atrium/plugin.hpp>

namespace atrium::embedding {

struct EmbedRequest {
  std::vector<std::string> texts;
  static constexpr auto members =
      atrium::members(member("texts", &EmbedRequest::texts).items(1, 256).length(1, 100'000).required());
};

struct EmbedAnswer {
  std::string model;
  std::vector<std::vector<double>> vectors;  ///< in the order of the texts, all of one length
  std::int64_t tokens = 0;                   ///< 0: the provider does not say

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

}  // namespace atrium::embedding
