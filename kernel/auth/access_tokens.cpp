#include "auth/access_tokens.hpp"

#include "auth/encoding.hpp"

#include <charconv>
#include <mutex>
#include <optional>
#include <stdexcept>

namespace kernel::auth {
namespace {

constexpr std::size_t max_token_bytes = 1024;
constexpr std::size_t signature_chars = 43;
constexpr std::int64_t clock_skew_seconds = 60;

std::string signature_text(const HmacSha256::Tag& tag) {
  return base64url({reinterpret_cast<const char*>(tag.data()), tag.size()});
}

bool is_word(std::string_view text) {
  for (const char c : text)
    if (c < 0x20 || c > 0x7e || c == '"' || c == '\\') return false;
  return !text.empty() && text.size() <= 100;
}

/// Reads a payload from left to right; after the first mismatch everything fails.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  Reader& literal(std::string_view expected) {
    good_ = good_ && rest_.starts_with(expected);
    if (good_) rest_.remove_prefix(expected.size());
    return *this;
  }
  Reader& word(std::string& out) {
    const auto end = rest_.find('"');
    good_ = good_ && end != rest_.npos && is_word(rest_.substr(0, end));
    if (good_) {
      out = rest_.substr(0, end);
      rest_.remove_prefix(end);
    }
    return *this;
  }
  Reader& number(std::int64_t& out) {
    const auto result = std::from_chars(rest_.data(), rest_.data() + rest_.size(), out);
    good_ = good_ && result.ec == std::errc{} && out >= 0;
    if (good_) rest_.remove_prefix(static_cast<std::size_t>(result.ptr - rest_.data()));
    return *this;
  }
  bool complete() const { return good_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool good_ = true;
};

}  // namespace

AccessTokens::AccessTokens(const KeyRing& ring, std::string audience)
    : payload_begin_(R"({"iss":")" + audience + R"(","aud":")" + audience + R"(","sub":")") {
  if (!is_word(audience)) throw std::invalid_argument("access tokens need an audience");
  replace_keys(ring);
}

void AccessTokens::replace_keys(const KeyRing& ring) {
  if (ring.empty()) throw std::invalid_argument("access tokens need a key");
  std::vector<Signer> signers;
  for (const SigningKey& key : ring)
    signers.push_back(
        {base64url(R"({"alg":"HS256","typ":"JWT","kid":")" + key.id + R"("})") + '.', HmacSha256(key.secret)});
  std::unique_lock lock(mutex_);
  signers_ = std::move(signers);
}

std::string AccessTokens::issue(const AccessClaims& claims) const {
  if (!is_word(claims.user_id) || !is_word(claims.session_id) || !is_word(claims.role))
    throw std::invalid_argument("an access token's ids and role must be plain words");
  const std::string payload = payload_begin_ + claims.user_id + R"(","sid":")" + claims.session_id + R"(","role":")" +
                              claims.role + R"(","iat":)" + std::to_string(claims.issued_at) + R"(,"exp":)" +
                              std::to_string(claims.expires_at) + '}';
  std::shared_lock lock(mutex_);
  const Signer& signer = signers_.front();
  const std::string signed_part = signer.header + base64url(payload);
  return signed_part + '.' + signature_text(signer.hmac.tag(signed_part));
}

std::variant<AccessClaims, TokenFault> AccessTokens::verify(std::string_view token, std::int64_t now) const {
  if (token.size() > max_token_bytes) return TokenFault::forged;
  std::shared_lock lock(mutex_);
  for (const Signer& signer : signers_) {
    if (!token.starts_with(signer.header) || token.size() < signer.header.size() + 1 + signature_chars) continue;
    const std::string_view signed_part = token.substr(0, token.size() - signature_chars - 1);
    const std::string_view signature = token.substr(signed_part.size());
    // Comparing the text, not the bytes it stands for, leaves no second spelling of a signature.
    if (signature.front() != '.' ||
        !equal_in_constant_time(signature.substr(1), signature_text(signer.hmac.tag(signed_part))))
      return TokenFault::forged;
    const auto payload = base64url_decoded(signed_part.substr(signer.header.size()));
    if (!payload) return TokenFault::forged;
    AccessClaims claims;
    const bool complete = Reader(*payload)
                              .literal(payload_begin_)
                              .word(claims.user_id)
                              .literal(R"(","sid":")")
                              .word(claims.session_id)
                              .literal(R"(","role":")")
                              .word(claims.role)
                              .literal(R"(","iat":)")
                              .number(claims.issued_at)
                              .literal(R"(,"exp":)")
                              .number(claims.expires_at)
                              .literal("}")
                              .complete();
    if (!complete || claims.issued_at > now + clock_skew_seconds) return TokenFault::forged;
    if (claims.expires_at <= now) return TokenFault::expired;
    return claims;
  }
  return TokenFault::forged;
}

}  // namespace kernel::auth
