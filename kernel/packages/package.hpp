#pragma once
// A plugin as one file (.atp): a header that says who signed it, and a compressed archive.
//
//   16 bytes  "ATRIUM-PLUGIN/1\n"
//   32        the public key; zeros where nobody signed it
//   64        the signature over everything else of the file, in its order
//   the rest  a tar file under zstd: plugin.json, lib/ARCH/ID.so, migrations/, templates/, docs/, README.md, ...
//
// Nothing of the archive is looked at before the signature was found good. A package is held in memory from then on, so
// that what was checked is what is unpacked.
#include "packages/signing.hpp"
#include "plugins/manifest.hpp"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kernel::packages {

inline constexpr std::size_t max_package_bytes = 128u << 20, max_unpacked_bytes = 512u << 20, max_files = 4000;

/// Whose packages are taken.
struct Trust {
  std::vector<PublicKey> keys;
  bool unsigned_too = false;
};

class Package {
 public:
  /// Throws PackageError: no package, too large, a signature that does not hold, a key that is not trusted, contents
  /// that no package has; or plugins::ManifestError.
  static Package open(const std::filesystem::path& file, const Trust& trust);
  static Package parse(std::string bytes, const Trust& trust);

  const plugins::Manifest& manifest() const { return manifest_; }
  /// nullopt: unsigned.
  const std::optional<PublicKey>& signer() const { return signer_; }
  /// The whole file.
  const std::string& bytes() const { return bytes_; }
  /// Of the whole file, in hex.
  const std::string& sha256() const { return sha256_; }
  /// name -> content
  const std::map<std::string, std::string>& files() const { return files_; }
  /// The architectures it has a shared object for, such as "x86_64".
  std::vector<std::string> architectures() const;

  /// Into a folder that it makes, with modes 0700 and 0600: everything but lib/, and ID.so of this machine's
  /// architecture beside plugin.json. Answers the SHA-256 of that object, in hex. Throws PackageError where the folder
  /// exists or there is no such object.
  std::string unpack(const std::filesystem::path& folder) const;

 private:
  plugins::Manifest manifest_;
  std::optional<PublicKey> signer_;
  std::string bytes_, sha256_;
  std::map<std::string, std::string> files_;
};

/// The package of a folder as atrium_add_plugin() leaves it: plugin.json, ID.so or lib/ARCH/ID.so, migrations/..., and
/// of whatever else lies there nothing. The same folder and key give the same bytes. Throws PackageError or
/// plugins::ManifestError.
std::string pack(const std::filesystem::path& folder, const std::optional<SecretKey>& key);

/// As lib/ARCH names it: of this program.
std::string architecture();

}  // namespace kernel::packages
