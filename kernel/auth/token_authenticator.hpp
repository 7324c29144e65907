#pragma once
// Reads credentials: an access token, an API key or an issued token, in `Authorization: Bearer` or `X-API-Key`, or a
// signed link.
#include "auth/access_tokens.hpp"
#include "auth/api_keys.hpp"
#include "auth/authenticator.hpp"
#include "auth/issued_tokens.hpp"
#include "auth/sessions.hpp"
#include "auth/signed_links.hpp"

#include <atomic>

namespace kernel::auth {

/// Looks at the query string only for a link. A token's form says what it is; each kind has one function here.
class TokenAuthenticator final : public Authenticator {
 public:
  TokenAuthenticator(storage::Database& database, AccessTokens& access_tokens, Sessions& sessions, ApiKeys& api_keys,
                     IssuedTokens& issued_tokens, const SignedLinks& links);

  Outcome authenticate(const http::RequestHead& head, const std::string& client_address, const std::string& request_id,
                       bool may_wait) override;
  Outcome authenticate_link(const http::RequestHead& head, std::string_view owner) override;
  Outcome authenticate_token(const std::string& token, const std::string& client_address) override;
  bool still_valid(const Principal& principal) override;

  /// From now on, who signs in without a second factor has to set one up before anything else. [any thread]
  void require_mfa(bool required) { mfa_required_ = required; }

 private:
  struct Caller {
    const std::string& address;
    const std::string& request_id;
    bool may_wait;
  };
  Outcome by_token(std::string_view token, const Caller& caller);
  Outcome by_access_token(std::string_view token, const Caller& caller);
  Outcome by_api_key(std::string_view key, const Caller& caller);
  /// Of a live session or API key.
  bool must_set_up_mfa(const auto& credential) const { return mfa_required_ && !credential.mfa_enabled; }
  Outcome by_issued_token(std::string_view token, const Caller& caller);

  storage::Database& database_;
  AccessTokens& access_tokens_;
  Sessions& sessions_;
  ApiKeys& api_keys_;
  IssuedTokens& issued_tokens_;
  const SignedLinks& links_;
  std::atomic<bool> mfa_required_ = false;
};

}  // namespace kernel::auth
