#pragma once
// The one place that reads credentials.
#include "auth/principal.hpp"
#include "http/message.hpp"

#include <string>
#include <string_view>
#include <variant>

namespace kernel::auth {

struct Anonymous {};
/// The credentials given are no good; says which problem type to answer 401 with.
struct Rejected {
  std::string type = "/problems/unauthorized", title = "Sign in to use this", detail;
};
/// Nothing is known in memory: ask again from a pool thread with may_wait = true.
struct NeedsLookup {};
using Outcome = std::variant<Anonymous, PrincipalPtr, Rejected, NeedsLookup>;

class Authenticator {
 public:
  virtual ~Authenticator() = default;
  /// Bearer token, API key or issued token from the headers. On I/O threads may_wait is false.
  virtual Outcome authenticate(const http::RequestHead& head, const std::string& client_address,
                               const std::string& request_id, bool may_wait) = 0;
  /// A signed link to a route of `owner`, in place of a token; Rejected is answered with 403. Never waits.
  virtual Outcome authenticate_link(const http::RequestHead& head, std::string_view owner) = 0;
  /// A bare token, as the WebSocket sends it. May wait.
  virtual Outcome authenticate_token(const std::string& token, const std::string& client_address) = 0;
  /// Still signed in? Looks only into memory; the end of a session becomes visible here at once.
  virtual bool still_valid(const Principal& principal) = 0;
};

}  // namespace kernel::auth
