#pragma once
// Reads credentials: `Authorization: Bearer` with an access token or an issued token, or `X-API-Key`.
#include "auth/access_tokens.hpp"
#include "auth/authenticator.hpp"
#include "auth/issued_tokens.hpp"
#include "auth/sessions.hpp"

namespace kernel::auth {

/// Never looks at the query string. A token's form says what it is; each kind has one function here.
class TokenAuthenticator final : public Authenticator {
 public:
  TokenAuthenticator(storage::Database& database, AccessTokens& access_tokens, Sessions& sessions,
                     IssuedTokens& issued_tokens);

  Outcome authenticate(const http::RequestHead& head, const std::string& client_address, const std::string& request_id,
                       bool may_wait) override;
  Outcome authenticate_token(const std::string& token, const std::string& client_address) override;
  bool still_valid(const Principal& principal) override;

 private:
  struct Caller {
    const std::string& address;
    const std::string& request_id;
    bool may_wait;
  };
  Outcome by_token(std::string_view token, const Caller& caller);
  Outcome by_access_token(std::string_view token, const Caller& caller);
  Outcome by_issued_token(std::string_view token, const Caller& caller);

  storage::Database& database_;
  AccessTokens& access_tokens_;
  Sessions& sessions_;
  IssuedTokens& issued_tokens_;
};

}  // namespace kernel::auth
