#pragma once
#include "auth/scopes.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace kernel::auth {

/// In a route's access list: open also to users who have yet to set up the second factor that security.mfa_required
/// asks of them.
inline constexpr std::string_view without_mfa = "without-mfa";

/// In a route's access list: not by API key, which could outlive the password or pass on more than it may do itself.
inline constexpr std::string_view session_only = "session-only";

/// Who is asking: immutable, shared by everything that acts in its name.
struct Principal {
  std::string kind;  ///< "user", "plugin", or a kind that a plugin issues tokens for, such as "worker"
  std::string id;
  std::string role;        ///< "admin", "member", "viewer"; empty for kinds other than "user"
  std::string session_id;  ///< of a user signed in by token
  std::string key_id;      ///< of the API key or issued token it came with
  std::string address;
  std::string request_id;
  bool must_set_up_mfa = false;          ///< may do nothing else before: security.mfa_required
  std::shared_ptr<const Scopes> scopes;  ///< of its API key; null: not narrowed
  bool is_admin() const { return role == "admin"; }
};
using PrincipalPtr = std::shared_ptr<const Principal>;

}  // namespace kernel::auth
