#pragma once
// OpenAI's chat completions: our request as theirs, and their stream of chunks as our answer.
#include <atrium/llm.hpp>

namespace openai {

std::string request_body(const atrium::llm::ChatRequest& request, const std::string& default_model);

/// Reads server-sent events as they come, in pieces of any size.
class Completion {
 public:
  /// Returns the new text of the answer in this piece. Throws when the server reports an error inside the stream.
  std::string feed(std::string_view piece);
  /// After the last piece. Throws 502 when the stream ended before the answer did.
  atrium::llm::ChatAnswer finish();
  bool has_begun() const { return begun_; }

 private:
  void chunk(std::string_view data, std::string& text);
  struct Use {
    std::string id, name, arguments;
  };
  std::string buffer_;
  atrium::llm::ChatAnswer answer_;
  std::map<std::int64_t, Use> uses_;
  bool begun_ = false, done_ = false;
};

/// USD per million tokens.
struct Price {
  double input = 0, output = 0;
};
atrium::Money cost(const Price& price, std::int64_t input_tokens, std::int64_t output_tokens);

}  // namespace openai
