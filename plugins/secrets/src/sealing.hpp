#pragma once
// XChaCha20-Poly1305 (libsodium) under a data key, bound to the place where the sealed text stands.
#include "confidential.hpp"

#include <optional>

namespace secrets {

/// Call once before anything else here; throws when libsodium cannot start.
void start_sodium();
/// 43 characters of base64url: 32 random bytes.
Confidential random_text();

/// 32 bytes that encrypt the versions of one secret; wiped at its end.
class DataKey {
 public:
  static constexpr std::size_t size = 32;

  static DataKey make();
  /// nullopt when these are not 32 bytes; they are wiped.
  static std::optional<DataKey> take(std::string&& bytes);

  std::string_view bytes() const { return bytes_.reveal(); }
  /// Base64 of nonce and ciphertext. `place` must be the same at open(), so that no sealed text passes for another.
  std::string seal(const Confidential& value, std::string_view place) const;
  /// nullopt: another key, another place, or a changed text.
  std::optional<Confidential> open(std::string_view sealed, std::string_view place) const;

 private:
  explicit DataKey(Confidential bytes) : bytes_(std::move(bytes)) {}
  Confidential bytes_;
};

}  // namespace secrets
