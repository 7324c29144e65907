#pragma once
// Authenticated encryption under one key: XChaCha20-Poly1305 (libsodium).
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace kernel::auth {

class SealedBox {
 public:
  /// key: 32 bytes; throws std::invalid_argument when it is not.
  explicit SealedBox(std::string key);
  ~SealedBox();
  SealedBox(const SealedBox&) = delete;
  SealedBox& operator=(const SealedBox&) = delete;

  /// Base64 text. `bound_to` must be the same at open(), so that a sealed text cannot be moved to another row.
  std::string seal(std::string_view plain, std::string_view bound_to) const;
  /// Nullopt: another key, another place, or a changed text.
  std::optional<std::string> open(std::string_view sealed, std::string_view bound_to) const;
  /// 64 hexadecimal digits that stand for the parts (BLAKE2b under this key): who has no key cannot guess at them.
  std::string fingerprint(std::initializer_list<std::string_view> parts) const;

 private:
  std::string key_;
};

}  // namespace kernel::auth
