#include "embeddings.hpp"

namespace openai {

using atrium::Json;
using atrium::embedding::EmbedAnswer;

namespace {

atrium::Problem misbehaves(const char* how) {
  return {502, "provider", "The embedding model's server misbehaves", how};
}

}  // namespace

std::string embeddings_body(const std::vector<std::string>& texts, const std::string& model,
                            std::optional<std::int64_t> dimensions) {
  Json json{{"model", model}, {"input", texts}, {"encoding_format", "float"}};
  if (dimensions) json["dimensions"] = *dimensions;
  return atrium::dump(json);
}

EmbedAnswer embeddings_from(const std::string& body, std::size_t texts, const std::string& model) {
  EmbedAnswer answer;
  answer.model = model;
  answer.vectors.resize(texts);
  try {
    const Json json = Json::parse(body);
    const auto& data = json.at("data");
    for (std::size_t i = 0; i < data.size(); ++i)
      data.at(i).at("embedding").get_to(answer.vectors.at(data.at(i).value("index", i)));
    answer.tokens = json.value("/usage/prompt_tokens"_json_pointer, std::int64_t{0});
  } catch (const Json::exception&) {
    throw misbehaves("Its answer does not have the form of OpenAI's.");
  } catch (const std::out_of_range&) {
    throw misbehaves("It answers more vectors than it was given texts.");
  }
  const auto& first = answer.vectors.front();
  const auto fits = [&](const auto& vector) { return !vector.empty() && vector.size() == first.size(); };
  if (!std::all_of(answer.vectors.begin(), answer.vectors.end(), fits))
    throw misbehaves("It does not answer a vector of one length for each text.");
  return answer;
}

}  // namespace openai
