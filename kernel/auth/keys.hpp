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

/// The first key signs; all of them verify: the one that signed before it, while its tokens still count, and the one
/// that will sign next, which another node may have begun to use.
using KeyRing = std::vector<SigningKey>;

struct Keys {
  KeyRing jwt;
  std::string presign, audit, idempotency, settings, mfa;

  /// Reads the keys of a data directory and makes those that are missing. Two processes that start at once end up
  /// with the same keys. Throws PrivateFileError, which names the file and its cure.
  static Keys open(const std::filesystem::path& data_directory);
};

/// The same of the signing keys alone; finishes a rotation that was cut short.
KeyRing open_jwt_keys(const std::filesystem::path& data_directory);

/// The next key signs from now on, and a new one comes to wait behind it; the one before it still verifies, until the
/// next rotation. In effect where the keys are opened again. No key is lost on the way, whatever dies when. Returns the
/// new ring.
KeyRing rotate_jwt_keys(const std::filesystem::path& data_directory);

}  // namespace kernel::auth
