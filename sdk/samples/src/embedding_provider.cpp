// Vectors without a model: how often each letter stands in a text. Enough to try out what searches by meaning.
#include "samples.hpp"

#include <atrium/embedding.hpp>

namespace samples {
namespace {

std::vector<double> letters(std::string_view text) {
  std::vector<double> vector(26, 0.0);
  for (const char c : text) {
    const char lower = static_cast<char>(c | 0x20);
    if (lower >= 'a' && lower <= 'z') vector[static_cast<std::size_t>(lower - 'a')] += 1;
  }
  return vector;
}

}  // namespace

void Samples::add_embedding_provider() {
  using namespace atrium::embedding;
  provide_provider(*this, "letters", {.summary = "Counts letters, offline", .model = "letters-26"},
                   [](const Embed& embed) {
                     EmbedAnswer answer{.model = "letters-26", .vectors = {}};
                     for (const auto& text : embed.request.texts) answer.vectors.push_back(letters(text));
                     return answer;
                   });
}

}  // namespace samples
