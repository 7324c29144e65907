#pragma once
#include <cstdint>
#include <memory>
#include <string>

namespace kernel::auth {

/// Who is asking: immutable, shared by everything that acts in its name.
struct Principal {
  std::string kind;        ///< "user", "plugin", or a kind that a plugin issues tokens for, such as "worker"
  std::string id;
  std::string role;        ///< "admin", "member", "viewer"; empty for kinds other than "user"
  std::string session_id;  ///< of a user signed in by token
  std::string key_id;      ///< of the API key or issued token it came with
  std::string address;
  std::string request_id;
  bool is_admin() const { return role == "admin"; }
};
using PrincipalPtr = std::shared_ptr<const Principal>;

}  // namespace kernel::auth
