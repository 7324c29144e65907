#include "auth/signed_links.hpp"

#include "auth/encoding.hpp"

#include <charconv>

namespace kernel::auth {
namespace {

constexpr std::string_view expires_is = "expires=", signature_is = "signature=";

Rejected refused(std::string detail) { return {"/problems/forbidden", "This link cannot be used", std::move(detail)}; }

}  // namespace

std::string SignedLinks::signature(std::string_view owner, std::string_view path, std::string_view expires) const {
  std::string message(owner);
  message.append("\n").append(path).append("\n").append(expires);
  const auto tag = hmac_.tag(message);
  return base64url({reinterpret_cast<const char*>(tag.data()), tag.size()});
}

std::string SignedLinks::sign(std::string_view owner, std::string_view path, std::int64_t expires_us) const {
  const auto expires = std::to_string(expires_us);
  std::string target(path);
  target.append("?").append(expires_is).append(expires).append("&").append(signature_is);
  return target + signature(owner, path, expires);
}

Outcome SignedLinks::verify(std::string_view owner, const http::RequestHead& head, std::int64_t now_us) const {
  const std::string_view query = head.query;
  const auto split = query.find('&');
  const auto first = query.substr(0, split);
  const auto second = split == query.npos ? std::string_view() : query.substr(split + 1);
  const bool has_expiry = first.starts_with(expires_is), has_signature = second.starts_with(signature_is);
  if (!has_expiry && !has_signature) return Anonymous{};  // a changed byte spoils one of the two at most
  if (!has_expiry || !has_signature) return refused("Its query was changed; ask for a new one.");
  const auto expires = first.substr(expires_is.size());
  if (!equal_in_constant_time(signature(owner, head.path, expires), second.substr(signature_is.size())))
    return refused("It was changed; ask for a new one.");
  std::int64_t until = 0;
  std::from_chars(expires.data(), expires.data() + expires.size(), until);
  if (until <= now_us) return refused("Its time is over; ask for a new one.");
  auto principal = std::make_shared<Principal>();
  principal->kind = "link";
  principal->id = head.path;
  return PrincipalPtr(std::move(principal));
}

}  // namespace kernel::auth
