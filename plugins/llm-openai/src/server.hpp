#pragma once
// A server that speaks OpenAI's protocol: where it is, with which key, and what its refusals mean.
#include <atrium/plugin.hpp>

namespace openai {

/// Whether a request that failed may succeed when it is sent again; after six tries it is told instead.
bool is_worth_another(int tries, const atrium::Answer& answer, const atrium::Problem& failed);
/// What the server asks for in Retry-After, else exponential with jitter; at most a minute.
std::chrono::milliseconds pause_before(int next_try, const atrium::Answer& answer);

class Server {
 public:
  Server() = default;
  Server(std::string base_url, std::string key, std::chrono::seconds timeout);

  const std::string& base_url() const { return base_url_; }
  /// A POST of JSON to a path below the base.
  atrium::OutRequest post(std::string_view path, std::string body) const;
  /// What an answer that is no success means: 422 where asking again is of no use, else 503.
  atrium::Problem problem_of(int status, const std::string& body) const;

 private:
  std::string base_url_, key_;
  std::chrono::seconds timeout_{600};
};

}  // namespace openai
