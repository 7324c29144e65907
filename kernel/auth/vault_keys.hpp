#pragma once
// The master key, as a key management service keeps it: it wraps the small keys of others and never leaves this class.
#include "auth/sealed_box.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <stdexcept>
#include <string>
#include <string_view>

namespace kernel::auth {

class VaultKeys {
 public:
  /// Says which key is missing or what was changed.
  class Fault : public std::runtime_error {
   public:
    enum class Kind : std::uint8_t { invalid, denied, unknown_key };
    Fault(Kind kind, const std::string& what) : std::runtime_error(what), kind(kind) {}
    Kind kind;
  };
  static constexpr std::size_t max_plain = 64;  ///< bytes that wrap() takes

  /// The keys in DATA/keys (vault.key and, while a rotation is under way, vault-previous.key), made where missing.
  static VaultKeys in_files(const std::filesystem::path& data_directory);
  /// Keys that the operator gives, each base64url of 32 bytes; rotated by changing both and starting again.
  VaultKeys(std::string_view current, std::string_view previous);
  VaultKeys(VaultKeys&&) noexcept;

  /// "KEYID.BASE64", bound to owner and context. [any thread] Throws Fault.
  std::string wrap(std::string_view owner, std::string_view context, std::string_view plain) const;
  std::string unwrap(std::string_view owner, std::string_view context, std::string_view wrapped) const;
  std::string current() const;  ///< KEYID

  /// A new current key, durable before it is used; the former still unwraps. None is made while a former one is there.
  /// Throws Fault where the operator gives the keys and gave no former one, saying what to do.
  void rotate();
  /// Forgets the former key.
  void retire();

 private:
  struct Key {
    std::string id;
    std::unique_ptr<const SealedBox> box;
    explicit Key(const std::string& secret);
  };
  VaultKeys() = default;
  const Key& key_of(std::string_view id) const;

  std::filesystem::path directory_;  ///< empty: the operator gives the keys
  mutable std::shared_mutex mutex_;
  std::optional<Key> current_, previous_;
};

}  // namespace kernel::auth
