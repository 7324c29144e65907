#pragma once
// The second factor of an account: an authenticator app (RFC 6238), and recovery codes in its place.
//
// The secret lies in the database sealed under a key that does not, bound to its user. A code is spent by
// compare-and-set on the step it stands for, in the transaction that does what the code allows: of any number of uses
// of one code, one succeeds, on any node.
#include "auth/api_keys.hpp"
#include "auth/recovery_codes.hpp"
#include "auth/sealed_box.hpp"
#include "auth/sessions.hpp"
#include "auth/user.hpp"
#include "storage/database.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kernel::auth {

inline constexpr std::string_view mfa_enabled_topic = "user.mfa_enabled", mfa_disabled_topic = "user.mfa_disabled";

/// Functions throw atrium::Problem and wait: pool threads only.
class Mfa {
 public:
  /// `key`: 32 bytes.
  Mfa(storage::Database& database, Sessions& sessions, ApiKeys& api_keys, const std::string& key);

  struct Offer {
    std::string secret;  ///< base32
    std::string otpauth_uri;
  };
  /// A new secret, in effect once activate() has seen a code of it; one offered before is forgotten. 409 where MFA is
  /// on.
  Offer offer(const storage::Actor& actor, const User& user);
  /// Turns MFA on and ends every session but `keep_session`, which all began without a second factor; the recovery
  /// codes. 409 where nothing was offered or it is on, 422 unless `code` is the app's.
  std::vector<std::string> activate(const storage::Actor& actor, const std::string& user_id, const std::string& code,
                                    std::string_view keep_session);

  /// Takes a code of the app or a recovery code, once; false when it is none, or none any more.
  bool spend(storage::Transaction& transaction, const std::string& user_id, std::string_view code);
  /// Recovery codes in place of those that the user had.
  std::vector<std::string> renew_recovery_codes(storage::Transaction& transaction, const std::string& user_id);
  /// Forgets the secret and the codes, and ends every session but `keep_session`. False: it was not on.
  bool turn_off(storage::Transaction& transaction, const std::string& user_id, std::string_view keep_session = {});
  /// The same for an admin who helps somebody; 404 where it is not on.
  void remove(const storage::Actor& actor, const std::string& user_id);

 private:
  struct Stored {
    bool enabled = false;
    std::string sealed;
    std::int64_t last_step = 0;
  };
  static std::optional<Stored> stored(storage::Transaction& transaction, const std::string& user_id);
  std::optional<std::int64_t> step_of(const Stored& stored, const std::string& user_id, std::string_view code) const;
  bool spend_step(storage::Transaction& transaction, const std::string& user_id, std::string_view code) const;

  storage::Database& database_;
  Sessions& sessions_;
  ApiKeys& api_keys_;
  SealedBox box_;
  RecoveryCodes recovery_codes_;
};

}  // namespace kernel::auth
