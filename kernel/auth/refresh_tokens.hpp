#pragma once
// Refresh tokens rotate: each works once and brings its successor (RFC 9700, section 4.14).
//
// Reuse. A token that comes back after it was used is a sign of theft: its whole session ends. Only what was already on
// its way when the token was used (its head had arrived here before the rotation) is not taken for reuse, since a
// client that refreshes twice in parallel is clumsy, not robbed: it gets 401, and the one successor lives. There is no
// grace period after the rotation; a thief would fit into it.
#include "auth/sessions.hpp"
#include "auth/user.hpp"
#include "storage/database.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <variant>

namespace kernel::auth {

class RefreshTokens {
 public:
  explicit RefreshTokens(Sessions& sessions) : sessions_(sessions) {}

  std::string issue(storage::Transaction& transaction, std::string_view session_id, atrium::Time expires_at);

  struct Rotated {
    User user;
    std::string session_id, token;
  };
  enum class Refused : std::uint8_t {
    unknown,  ///< never issued, expired, its session ended, or lost against a parallel refresh
    reused    ///< the session has been ended in this transaction: commit it
  };
  /// Compare-and-set: of any number of parallel rotations of one token, one gives a successor.
  std::variant<Rotated, Refused> rotate(storage::Transaction& transaction, std::string_view token,
                                        atrium::Time received, std::chrono::seconds time_to_live);

 private:
  Refused refuse(storage::Transaction& transaction, const std::string& hash, atrium::Time received);

  Sessions& sessions_;
};

}  // namespace kernel::auth
