#pragma once
// OpenAI's embeddings: texts as their request, and their answer as vectors.
#include <atrium/embedding.hpp>

namespace openai {

/// dimensions: of each vector, for models that can shorten theirs; none: the model's own.
std::string embeddings_body(const std::vector<std::string>& texts, const std::string& model,
                            std::optional<std::int64_t> dimensions);
/// The vectors in the order of the texts, whatever order they come in. Throws 502 unless there is one for each.
atrium::embedding::EmbedAnswer embeddings_from(const std::string& body, std::size_t texts, const std::string& model);

}  // namespace openai
