#pragma once
// Ten codes for the day on which the phone is lost. Each works once in place of an authenticator's.
#include "auth/sealed_box.hpp"
#include "storage/database.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kernel::auth {

/// Stored as keyed fingerprints, bound to their user: whoever has the database alone cannot even try guesses.
class RecoveryCodes {
 public:
  static constexpr int count = 10;

  /// `box` outlives this object.
  explicit RecoveryCodes(const SealedBox& box) : box_(box) {}

  /// Ten new ones, such as "k7qd-m2xa-5hte-wz3c" (80 random bits); those before no longer work. Shown once.
  std::vector<std::string> renew(storage::Transaction& transaction, std::string_view user_id) const;
  /// Compare-and-set: of any number of uses of a code, one is true. Case and separators do not matter.
  bool spend(storage::Transaction& transaction, std::string_view user_id, std::string_view code) const;
  void remove(storage::Transaction& transaction, std::string_view user_id) const;

 private:
  std::string fingerprint(std::string_view user_id, std::string_view normalised) const;

  const SealedBox& box_;
};

}  // namespace kernel::auth
