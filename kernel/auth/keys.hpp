#pragma once
// The kernel's own keys: 32 random bytes each in DATA/keys/NAME.key, made at the first start, mode 0600.
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace kernel::auth {

struct SigningKey {
  std::string id;      ///< the JWT header's `kid`, derived from the secret
  std::string secret;  ///< 32 bytes

  explicit SigningKey(std::string secret);
};

/// The first key signs; all of them verify, so that a new key can take over while old tokens still count.
using KeyRing = std::vector<SigningKey>;

struct Keys {
  KeyRing jwt;
  std::string presign, audit, idempotency, settings, mfa;

  /// Reads the keys of a data directory and makes those that are missing. Two processes that start at once end up
  /// with the same keys. Throws PrivateFileError, which names the file and its cure.
  static Keys open(const std::filesystem::path& data_directory);
};

/// Makes a new signing key. The one before it still verifies until the next rotation. In effect from the next start
/// on; the old key is never lost on the way, whatever dies when.
void rotate_jwt_key(const std::filesystem::path& data_directory);

}  // namespace kernel::auth
