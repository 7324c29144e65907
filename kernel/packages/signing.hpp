#pragma once
// Who made a package: Ed25519 keys in files of one line, and signatures by them.
#include <array>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace kernel::packages {

/// Says what is wrong with which file, and what to do.
class PackageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

using PublicKey = std::array<unsigned char, 32>;
using Signature = std::array<unsigned char, 64>;

/// Wiped when it goes.
class SecretKey {
 public:
  static SecretKey make();
  /// Throws PackageError where the file is absent, damaged, or can be read by others.
  static SecretKey read(const std::filesystem::path& file);
  SecretKey(const SecretKey&) = default;
  ~SecretKey();

  /// "atrium-secret-key BASE64URL" in FILE with mode 0600, and the public one in FILE.pub. Throws PackageError where
  /// one of them is there.
  void write(const std::filesystem::path& file) const;
  PublicKey public_key() const;
  Signature sign(std::string_view message) const;

 private:
  SecretKey() = default;
  std::array<unsigned char, 64> bytes_{};
};

bool verify(std::string_view message, const Signature& signature, const PublicKey& key);

/// "atrium-public-key BASE64URL", as a .pub file holds it and plugins.trusted_keys may.
std::string shown(const PublicKey& key);
/// The first 16 digits of its SHA-256: what people compare.
std::string fingerprint(const PublicKey& key);
/// Each is a key as shown(), or a file that holds one. Throws PackageError, naming the entry.
std::vector<PublicKey> read_public_keys(const std::vector<std::string>& keys_or_files);

}  // namespace kernel::packages
