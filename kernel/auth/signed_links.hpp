#pragma once
// Paths that work without a token until a moment: what a presigned URL is made of.
#include "auth/authenticator.hpp"
#include "auth/hmac.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace kernel::auth {

/// A link is for GET of exactly one path of one owner (a plugin). [any thread]
class SignedLinks {
 public:
  explicit SignedLinks(std::string key) : hmac_(std::move(key)) {}

  /// path: percent-encoded, as it will be sent. The target: "PATH?expires=MICROSECONDS&signature=TEXT".
  std::string sign(std::string_view owner, std::string_view path, std::int64_t expires_us) const;
  /// Anonymous when the query is none of a link's; Rejected, to be answered with 403, when one byte of it is not as it
  /// was signed or the moment has passed; else a principal of kind "link" whose id is the path.
  Outcome verify(std::string_view owner, const http::RequestHead& head, std::int64_t now_us) const;

 private:
  std::string signature(std::string_view owner, std::string_view path, std::string_view expires) const;
  HmacSha256 hmac_;
};

}  // namespace kernel::auth
