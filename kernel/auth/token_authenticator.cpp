#include "auth/token_authenticator.hpp"

#include "auth/opaque_token.hpp"

#include <atrium/types.hpp>

#include <algorithm>
#include <memory>
#include <optional>
#include <variant>

namespace kernel::auth {
namespace {

constexpr std::size_t max_token_bytes = 4096;

Rejected rejected(std::string_view slug, std::string detail) {
  return {"/problems/" + std::string(slug), "Sign in to use this", std::move(detail)};
}
Rejected invalid_token() { return rejected("invalid-token", "The token is not valid; sign in again."); }
Rejected invalid_api_key() {
  return rejected("invalid-token", "This is no API key, or not any more; GET /security/api-keys lists yours.");
}

bool equals_ignoring_case(std::string_view text, std::string_view lower) {
  return text.size() == lower.size() && std::equal(text.begin(), text.end(), lower.begin(), [](char a, char b) {
           return (a >= 'A' && a <= 'Z' ? static_cast<char>(a + ('a' - 'A')) : a) == b;
         });
}

/// The token after "Bearer "; nullopt for another scheme.
std::optional<std::string_view> bearer(std::string_view field) {
  const auto space = field.find(' ');
  if (space == field.npos || !equals_ignoring_case(field.substr(0, space), "bearer")) return std::nullopt;
  field.remove_prefix(space);
  while (!field.empty() && field.front() == ' ') field.remove_prefix(1);
  while (!field.empty() && field.back() == ' ') field.remove_suffix(1);
  return field;
}

}  // namespace

TokenAuthenticator::TokenAuthenticator(storage::Database& database, AccessTokens& access_tokens, Sessions& sessions,
                                       ApiKeys& api_keys, IssuedTokens& issued_tokens, const SignedLinks& links)
    : database_(database),
      access_tokens_(access_tokens),
      sessions_(sessions),
      api_keys_(api_keys),
      issued_tokens_(issued_tokens),
      links_(links) {}

Outcome TokenAuthenticator::authenticate(const http::RequestHead& head, const std::string& client_address,
                                         const std::string& request_id, bool may_wait) {
  const std::string *authorization = nullptr, *api_key = nullptr;
  for (const auto& [name, value] : head.headers) {
    const std::string** slot = name == "authorization" ? &authorization : name == "x-api-key" ? &api_key : nullptr;
    if (slot == nullptr) continue;
    // Two credentials in one request: a proxy and we might each look at another one.
    if (authorization != nullptr || api_key != nullptr)
      return rejected("unauthorized", "Send one credential: Authorization or X-API-Key, once.");
    *slot = &value;
  }
  const Caller caller{client_address, request_id, may_wait || database_.reads_are_local()};
  if (api_key != nullptr) return by_token(*api_key, caller);
  if (authorization == nullptr) return Anonymous{};
  const auto token = bearer(*authorization);
  if (!token) return rejected("unauthorized", "Only 'Authorization: Bearer TOKEN' is understood.");
  return by_token(*token, caller);
}

Outcome TokenAuthenticator::authenticate_link(const http::RequestHead& head, std::string_view owner) {
  return links_.verify(owner, head, atrium::Time::now().microseconds);
}

Outcome TokenAuthenticator::authenticate_token(const std::string& token, const std::string& client_address) {
  const std::string no_request_id;
  return by_token(token, {client_address, no_request_id, true});
}

Outcome TokenAuthenticator::by_token(std::string_view token, const Caller& caller) {
  if (token.empty() || token.size() > max_token_bytes) return invalid_token();
  if (token.starts_with(api_key_prefix)) return by_api_key(token, caller);
  if (token.starts_with(issued_token_prefix)) return by_issued_token(token, caller);
  return by_access_token(token, caller);
}

Outcome TokenAuthenticator::by_access_token(std::string_view token, const Caller& caller) {
  const auto now = atrium::Time::now();
  auto verdict = access_tokens_.verify(token, now.microseconds / 1'000'000);
  if (const auto* fault = std::get_if<TokenFault>(&verdict))
    return *fault == TokenFault::expired ? rejected("token-expired", "The access token has expired; refresh it.")
                                         : invalid_token();
  auto& claims = std::get<AccessClaims>(verdict);
  auto session = sessions_.find_in_memory(claims.session_id, now);
  if (!session && !caller.may_wait) return NeedsLookup{};
  if (!session) session = sessions_.find(claims.session_id);
  if (!session || session->user_id != claims.user_id)
    return rejected("session-ended", "This session has ended; sign in again.");
  sessions_.seen(*session, now);
  // The role is the session's: a token says what was true when it was made.
  return std::make_shared<const Principal>(Principal{"user",
                                                     std::move(claims.user_id),
                                                     session->role,
                                                     std::move(claims.session_id),
                                                     {},
                                                     caller.address,
                                                     caller.request_id,
                                                     must_set_up_mfa(*session)});
}

Outcome TokenAuthenticator::by_api_key(std::string_view key, const Caller& caller) {
  if (!is_opaque_token(key, api_key_prefix)) return invalid_api_key();
  std::string hash = opaque_token_hash(key);
  auto live = api_keys_.find_in_memory(hash);
  if (!live && !caller.may_wait) return NeedsLookup{};
  if (!live) live = api_keys_.find(hash);
  if (!live) return invalid_api_key();
  const auto now = atrium::Time::now();
  if (live->expired(now)) return rejected("token-expired", "The API key has expired; make a new one.");
  api_keys_.seen(*live, now);
  return std::make_shared<const Principal>(Principal{"user",
                                                     live->user_id,
                                                     live->role,
                                                     {},
                                                     std::move(hash),
                                                     caller.address,
                                                     caller.request_id,
                                                     must_set_up_mfa(*live),
                                                     live->scopes});
}

Outcome TokenAuthenticator::by_issued_token(std::string_view token, const Caller& caller) {
  if (!is_opaque_token(token, issued_token_prefix)) return invalid_token();
  const std::string hash = opaque_token_hash(token);
  auto issued = issued_tokens_.find_in_memory(hash);
  if (!issued && !caller.may_wait) return NeedsLookup{};
  if (!issued) issued = issued_tokens_.find(hash);
  if (!issued) return invalid_token();
  return std::make_shared<const Principal>(
      Principal{issued->kind, issued->id, {}, {}, hash, caller.address, caller.request_id});
}

bool TokenAuthenticator::still_valid(const Principal& principal) {
  if (!principal.session_id.empty()) {
    const auto session = sessions_.find_in_memory(principal.session_id);
    return session != nullptr && !must_set_up_mfa(*session);
  }
  if (principal.kind == "user") {
    const auto key = api_keys_.find_in_memory(principal.key_id);
    return key != nullptr && !key->expired(atrium::Time::now()) && !must_set_up_mfa(*key);
  }
  return principal.key_id.empty() || issued_tokens_.find_in_memory(principal.key_id) != nullptr;
}

}  // namespace kernel::auth
